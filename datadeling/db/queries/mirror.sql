-- datastream_exists --
-- Return true if the role of Datastream exists. Without it, nothing is mirrored. The queries below return steps: the
-- name of each, the statement that takes it (null if we cannot), and the remedy to log if that is another one.
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'datastream');

-- replication_to_grant --
-- We create the slot, and Datastream reads it.
SELECT 'replication of ' || rolname, concat('ALTER ROLE "', replace(rolname, '"', '""'), '" REPLICATION'), NULL
FROM pg_roles
WHERE rolname IN (current_user, 'datastream') AND NOT rolreplication AND NOT rolsuper
ORDER BY rolname;

-- replication_to_revoke --
-- Undo replication_to_grant.
SELECT 'replication of ' || rolname, concat('ALTER ROLE "', replace(rolname, '"', '""'), '" NOREPLICATION'), NULL
FROM pg_roles
WHERE rolname IN (current_user, 'datastream') AND rolreplication AND NOT rolsuper
ORDER BY rolname;

-- publication_to_create --
-- Unless the publication has one table, `avtale`, with all columns and rows, and no schema. A publication of all tables
-- names none, and cannot be narrowed. Both statements run in one transaction, so that a reader misses nothing.
SELECT 'publication', 'DROP PUBLICATION IF EXISTS ds_publication; CREATE PUBLICATION ds_publication FOR TABLE avtale', NULL
WHERE NOT EXISTS (
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

-- publication_to_drop --
-- Whatever it publishes.
SELECT 'publication ds_publication', 'DROP PUBLICATION ds_publication', NULL
FROM pg_publication
WHERE pubname = 'ds_publication';

-- rights_to_revoke --
-- Direct grants on relations of any kind, on their columns, and on future tables. With `all`, also those that the mirror
-- needs: to read `avtale`, and to use its schema.
WITH granted AS (
    SELECT pg_class.oid, privilege_type, grantee
    FROM pg_class, aclexplode(relacl)
    UNION ALL
    SELECT attrelid, 'a column', grantee
    FROM pg_attribute, aclexplode(attacl)
), step (name, statement) AS (
    SELECT 'rights on ' || relname, concat('REVOKE ALL ON TABLE ', quote_ident(nspname), '.', quote_ident(relname))
    FROM granted
    JOIN pg_roles ON pg_roles.oid = grantee AND rolname = 'datastream'
    JOIN pg_class ON pg_class.oid = granted.oid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    GROUP BY nspname, relname
    HAVING %(all)s::boolean
        OR NOT bool_and(granted.oid IS NOT DISTINCT FROM to_regclass('avtale') AND privilege_type = 'SELECT')
    UNION ALL
    SELECT
        'rights on tables to come',
        concat(
            'ALTER DEFAULT PRIVILEGES FOR ROLE ', quote_ident(pg_get_userbyid(defaclrole)),
            ' IN SCHEMA ' || quote_ident(nspname), ' REVOKE ALL ON TABLES'
        )
    FROM pg_default_acl
    JOIN pg_roles ON rolname = 'datastream'
    LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace
    WHERE defaclobjtype = 'r' AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee = pg_roles.oid)
    UNION ALL
    SELECT 'rights on schema ' || nspname, concat('REVOKE ALL ON SCHEMA ', quote_ident(nspname))
    FROM pg_namespace
    JOIN pg_roles ON rolname = 'datastream'
    WHERE %(all)s AND EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = pg_roles.oid)
)
SELECT name, statement || ' FROM datastream', NULL
FROM step
ORDER BY name, statement;

-- rights_of_others --
-- Other relations that the role can read all the same, by membership in a role or by a grant to PUBLIC.
SELECT 'tables beyond the mirror', NULL, 'REVOKE what lets datastream read ' || string_agg(name, ', ' ORDER BY name)
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_roles ON rolname = 'datastream' AND NOT rolsuper
CROSS JOIN LATERAL concat(quote_ident(nspname), '.', quote_ident(relname)) AS name
WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
    AND nspname != 'information_schema' AND nspname !~ '^pg_'
    AND pg_class.oid != to_regclass('avtale')
    AND has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'USAGE')
    AND has_any_column_privilege(pg_roles.oid, pg_class.oid, 'SELECT')
HAVING count(*) > 0;

-- rights_to_grant --
-- To use the schema of `avtale`, and to read the table.
SELECT 'reading', statement, NULL
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_roles ON rolname = 'datastream'
CROSS JOIN LATERAL (
    VALUES
        (has_schema_privilege(rolname, relnamespace, 'USAGE'), 'GRANT USAGE ON SCHEMA ' || quote_ident(nspname)),
        (has_table_privilege(rolname, pg_class.oid, 'SELECT'), 'GRANT SELECT ON avtale')
) AS needed (is_there, right_to)
CROSS JOIN LATERAL concat(right_to, ' TO datastream') AS statement
WHERE pg_class.oid = to_regclass('avtale') AND NOT is_there;

-- slot_to_create --
-- Waits for each transaction that is writing, in any database of the server, for so many milliseconds at most. Refused
-- in a transaction that has written.
SELECT
    'slot',
    'SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = ' || %(wait)s::integer || '; ' || statement,
    'end who writes for long; ' || statement
FROM (VALUES ('SELECT pg_create_logical_replication_slot(''ds_replication'', ''pgoutput'')')) AS step (statement)
WHERE current_setting('wal_level') = 'logical'
    AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'ds_replication');

-- slot_to_repair --
-- A slot that has lost WAL is not created anew in silence.
SELECT 'slot', NULL, CASE
    WHEN wal_status = 'lost' THEN 'it was not read in time: remove the mirror, migrate, and backfill'
    ELSE 'another database, or another plugin, has a slot ds_replication: drop it'
END
FROM pg_replication_slots
WHERE slot_name = 'ds_replication'
    AND (database IS DISTINCT FROM current_database() OR plugin IS DISTINCT FROM 'pgoutput' OR wal_status = 'lost')
UNION ALL
SELECT 'slot', NULL, 'wal_level must be logical: set cloudsql.logical_decoding'
WHERE current_setting('wal_level') <> 'logical'
    AND NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'ds_replication');

-- slot_is_read --
-- Return true while our slot is being read.
SELECT EXISTS (
    SELECT FROM pg_replication_slots
    WHERE slot_name = 'ds_replication' AND database = current_database() AND plugin = 'pgoutput' AND active
);

-- slot_to_drop --
-- Our slot, so that the server retains no WAL for it.
SELECT 'slot ds_replication', 'SELECT pg_drop_replication_slot(''ds_replication'')', NULL
FROM pg_replication_slots
WHERE slot_name = 'ds_replication' AND database = current_database() AND plugin = 'pgoutput';
