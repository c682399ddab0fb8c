-- audited --
-- Run a lookup and write its record in one statement: there is no answer without the record.
WITH oppslag AS MATERIALIZED (
    {lookup}
), recorded AS (
    {record}
)
SELECT answer FROM oppslag;

-- audited_many --
-- Do the same for many lookups. `question` holds the values of each by name, as text. Return one row for each, in
-- their order. The planner assumes a hundred rows for any JSON, so one plan serves all batches.
WITH question AS (
    SELECT *
    FROM ROWS FROM (json_to_recordset(%(questions)s::json) AS ({columns})) WITH ORDINALITY AS question ({names}, nr)
), oppslag AS MATERIALIZED (
    SELECT question.*, svar.* FROM question CROSS JOIN LATERAL ({lookup}) AS svar
), recorded AS (
    {record}
)
SELECT answer FROM oppslag ORDER BY nr;

-- record --
-- Add the record of a lookup, with the persons of the request, or of the answer if the request named nobody.
INSERT INTO lookup_log (
    call_id, consumer, consumer_name, nav_ident, behandlingsnummer, endpoint, criteria, felter, personer, hits
)
SELECT
    {call_id}::text,
    {consumer}::text,
    {consumer_name}::text,
    {nav_ident}::text,
    {behandlingsnummer}::text[],
    {endpoint}::text,
    {criteria}::text[],
    {felter}::text[],
    coalesce({personer}::text[], oppslag.gjelder, '{{}}'),
    oppslag.hits
FROM oppslag;

-- lock_lookup_log --
-- Let one process at a time create or drop months.
SELECT pg_advisory_xact_lock(hashtextextended('lookup_log', 0));

-- lookup_log_months --
-- The existing months, by their limits rather than their names. A partition that was created by hand without limits
-- is left alone.
SELECT nspname, relname, limits[1]::timestamptz, limits[2]::timestamptz AS ends
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
CROSS JOIN LATERAL regexp_match(
    pg_get_expr(relpartbound, pg_class.oid), 'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)'
) AS limits
WHERE inhparent = 'lookup_log'::regclass AND limits IS NOT NULL
ORDER BY ends, relname;

-- create_lookup_log_month --
-- Create it as a separate table first: lookups continue while it is attached, but not during CREATE … PARTITION OF.
-- One that was created by hand, or detached, may exist already.
CREATE TABLE IF NOT EXISTS {month} (LIKE lookup_log INCLUDING ALL);

-- attach_lookup_log_month --
ALTER TABLE lookup_log ATTACH PARTITION {month} FOR VALUES FROM ({begins}) TO ({ends});

-- comment_lookup_log_month --
COMMENT ON TABLE {month} IS 'The records of one month. Personal data. Never mirrored';

-- hurry --
-- Shorten the timeout for the rest of the transaction: lookups wait behind the lock that dropping a month waits for.
SET LOCAL lock_timeout = '100ms';

-- drop_lookup_log_month --
-- Locks the whole log meanwhile.
DROP TABLE {month};
