-- datastream_exists --
-- Datastream signs in as this role. Where there is none, nothing is mirrored.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'datastream');

-- roles_without_replication --
-- Of those who need the right to replicate (we make the slot, Datastream reads it), those who lack it.
SELECT rolname
FROM pg_roles
WHERE rolname IN (current_user, 'datastream') AND NOT rolreplication AND NOT rolsuper
ORDER BY rolname;

-- roles_with_replication --
-- Of the same, those who have it.
SELECT rolname
FROM pg_roles
WHERE rolname IN (current_user, 'datastream') AND rolreplication AND NOT rolsuper
ORDER BY rolname;

-- allow_replication --
ALTER ROLE {role} REPLICATION;

-- disallow_replication --
ALTER ROLE {role} NOREPLICATION;

-- publication_is_right --
-- True when it names one table, `avtale`, with all its columns and rows, and no schema. One of all tables names none.
SELECT EXISTS (
    SELECT
    FROM pg_publication
    WHERE pubname = 'ds_publication' AND pubinsert AND pubupdate AND pubdelete
        AND NOT EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = pg_publication.oid)
        AND (
            SELECT bool_and(prrelid = to_regclass('avtale') AND prattrs IS NULL AND prqual IS NULL)
            FROM pg_publication_rel
            WHERE prpubid = pg_publication.oid
        )
);

-- publication_exists --
SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = 'ds_publication');

-- create_publication --
-- Waits for no reader and no writer of the table.
CREATE PUBLICATION ds_publication FOR TABLE avtale;

-- drop_publication --
DROP PUBLICATION IF EXISTS ds_publication;

-- granted_to_datastream --
-- What it has been granted by name, on relations of any kind and on their columns: schema, name, and whether
-- that is what it needs, to read `avtale`, or more.
WITH granted AS (
    SELECT pg_class.oid, privilege_type, grantee
    FROM pg_class, aclexplode(relacl)
    UNION ALL
    SELECT attrelid, 'a column', grantee
    FROM pg_attribute, aclexplode(attacl)
)
SELECT
    nspname,
    relname,
    bool_and(granted.oid IS NOT DISTINCT FROM to_regclass('avtale') AND privilege_type = 'SELECT') AS needed
FROM granted
JOIN pg_roles ON pg_roles.oid = grantee AND rolname = 'datastream'
JOIN pg_class ON pg_class.oid = granted.oid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
GROUP BY nspname, relname
ORDER BY nspname, relname;

-- revoke_from_datastream --
REVOKE ALL ON TABLE {table} FROM datastream;

-- defaults_for_datastream --
-- What it is to be granted on tables that are yet to come: whose tables, and in which schema (null is any).
SELECT pg_get_userbyid(defaclrole), nspname
FROM pg_default_acl
JOIN pg_roles ON rolname = 'datastream'
LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace
WHERE defaclobjtype = 'r'
    AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee = pg_roles.oid)
ORDER BY 1, 2;

-- revoke_defaults --
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE ALL ON TABLES FROM datastream;

-- revoke_defaults_in_schema --
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} REVOKE ALL ON TABLES FROM datastream;

-- datastream_can_read --
-- Whether it can enter the schema of `avtale`, and read the table; and which schema that is.
SELECT
    has_schema_privilege(rolname, relnamespace, 'USAGE'),
    has_table_privilege(rolname, pg_class.oid, 'SELECT'),
    nspname
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_roles ON rolname = 'datastream'
WHERE pg_class.oid = to_regclass('avtale');

-- let_datastream_enter --
GRANT USAGE ON SCHEMA {schema} TO datastream;

-- let_datastream_read --
GRANT SELECT ON avtale TO datastream;

-- schemas_opened --
-- Those that it may enter because it was granted that by name.
SELECT nspname
FROM pg_namespace
JOIN pg_roles ON rolname = 'datastream'
WHERE EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = pg_roles.oid)
ORDER BY nspname;

-- keep_datastream_out --
REVOKE ALL ON SCHEMA {schema} FROM datastream;

-- readable_beyond_the_mirror --
-- What else it can read, by whatever way: a role that it is a member of, or a right of everybody's.
SELECT quote_ident(nspname) || '.' || quote_ident(relname)
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_roles ON rolname = 'datastream' AND NOT rolsuper
WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
    AND nspname != 'information_schema' AND nspname !~ '^pg_'
    AND pg_class.oid != to_regclass('avtale')
    AND has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'USAGE')
    AND has_any_column_privilege(pg_roles.oid, pg_class.oid, 'SELECT')
ORDER BY 1;

-- mirror_slot --
-- The slot: whether it is of this database and of the right kind, in use, and has lost what was not read in time.
SELECT database IS NOT DISTINCT FROM current_database() AND plugin = 'pgoutput', active, wal_status = 'lost'
FROM pg_replication_slots
WHERE slot_name = 'ds_replication';

-- wal_level --
SELECT current_setting('wal_level');

-- patience_for_writers --
-- For the rest of the transaction, which it does not make one that has written. To make a slot waits for each
-- transaction that was writing then, so the limit is for the whole of it.
SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', %(milliseconds)s, true);

-- create_slot --
-- Refused in a transaction that has written. Waits for all that were writing, in any database of the server.
SELECT pg_create_logical_replication_slot('ds_replication', 'pgoutput');

-- drop_slot --
SELECT pg_drop_replication_slot('ds_replication');
