-- datastream_exists --
-- Return true if the role of Datastream exists. Without it, nothing is mirrored.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'datastream');

-- roles_without_replication --
-- Return the roles that need the right to replicate (we create the slot, Datastream reads it) and lack it.
SELECT rolname
FROM pg_roles
WHERE rolname IN (current_user, 'datastream') AND NOT rolreplication AND NOT rolsuper
ORDER BY rolname;

-- roles_with_replication --
-- Return those of the same roles that have the right.
SELECT rolname
FROM pg_roles
WHERE rolname IN (current_user, 'datastream') AND rolreplication AND NOT rolsuper
ORDER BY rolname;

-- allow_replication --
-- Let a role create and read replication slots.
ALTER ROLE {role} REPLICATION;

-- disallow_replication --
-- Undo allow_replication.
ALTER ROLE {role} NOREPLICATION;

-- publication_is_right --
-- Return true if the publication has one table, `avtale`, with all columns and rows, and no schema. A publication of
-- all tables names none.
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
-- Return true if there is a publication of this name.
SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = 'ds_publication');

-- create_publication --
-- Publish `avtale`. Waits for no reader and no writer of the table.
CREATE PUBLICATION ds_publication FOR TABLE avtale;

-- drop_publication --
-- Drop the publication, whatever it publishes.
DROP PUBLICATION IF EXISTS ds_publication;

-- granted_to_datastream --
-- Return the relations of any kind on which, or on whose columns, the role has direct grants: schema, name, and true
-- if the grant is no more than it needs, to read `avtale`.
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
-- Revoke all grants on one relation.
REVOKE ALL ON TABLE {table} FROM datastream;

-- defaults_for_datastream --
-- Return the default privileges of the role on future tables: owner of the tables, and schema (null is any).
SELECT pg_get_userbyid(defaclrole), nspname
FROM pg_default_acl
JOIN pg_roles ON rolname = 'datastream'
LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace
WHERE defaclobjtype = 'r'
    AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee = pg_roles.oid)
ORDER BY 1, 2;

-- revoke_defaults --
-- Grant nothing on the future tables of an owner, in any schema.
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE ALL ON TABLES FROM datastream;

-- revoke_defaults_in_schema --
-- Grant nothing on the future tables of an owner, in one schema.
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} REVOKE ALL ON TABLES FROM datastream;

-- datastream_can_read --
-- Return whether the role can use the schema of `avtale`, whether it can read the table, and the schema's name.
SELECT
    has_schema_privilege(rolname, relnamespace, 'USAGE'),
    has_table_privilege(rolname, pg_class.oid, 'SELECT'),
    nspname
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_roles ON rolname = 'datastream'
WHERE pg_class.oid = to_regclass('avtale');

-- let_datastream_enter --
-- Let the role use the schema of `avtale`.
GRANT USAGE ON SCHEMA {schema} TO datastream;

-- let_datastream_read --
-- Let the role read `avtale`.
GRANT SELECT ON avtale TO datastream;

-- schemas_opened --
-- Return the schemas on which the role has direct grants.
SELECT nspname
FROM pg_namespace
JOIN pg_roles ON rolname = 'datastream'
WHERE EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = pg_roles.oid)
ORDER BY nspname;

-- keep_datastream_out --
-- Revoke all grants on one schema.
REVOKE ALL ON SCHEMA {schema} FROM datastream;

-- readable_beyond_the_mirror --
-- Return the other relations that the role can read, also by membership in a role or by a grant to PUBLIC.
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
-- Return of the slot whether it has the right database and plugin, is in use, and has lost WAL that was not read in
-- time.
SELECT database IS NOT DISTINCT FROM current_database() AND plugin = 'pgoutput', active, wal_status = 'lost'
FROM pg_replication_slots
WHERE slot_name = 'ds_replication';

-- wal_level --
-- Return the server's setting, which must be logical for a slot.
SELECT current_setting('wal_level');

-- set_timeout_for_writers --
-- Limit the rest of the transaction as a whole: creating a slot waits for each transaction that was writing. Does not
-- itself write.
SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', %(milliseconds)s, true);

-- create_slot --
-- Create the slot. Refused in a transaction that has written. Waits for all writers, in any database of the server.
SELECT pg_create_logical_replication_slot('ds_replication', 'pgoutput');

-- drop_slot --
-- Drop the slot, so that the server retains no WAL for it.
SELECT pg_drop_replication_slot('ds_replication');
