-- audited --
-- Run a lookup and write its record in one statement: there is no answer without the record.
WITH oppslag AS MATERIALIZED (
    {lookup}
), recorded AS (
    {record}
)
SELECT answer FROM oppslag;

-- audited_many --
-- Do the same for many questions, each with values of its own: `question` has them by name, as text. Return an answer for
-- each, in their order. The planner assumes a hundred rows of any JSON, and so has one plan for all.
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
-- Add the record of a lookup: the persons that were asked for, else those in the answer.
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
-- One at a time: whoever makes or drops months.
SELECT pg_advisory_xact_lock(hashtextextended('lookup_log', 0));

-- lookup_log_months --
-- The months that there are, by the limits that they have, whatever they are called. One that was made by hand
-- without limits has none here, and is left alone.
SELECT
    nspname,
    relname,
    (regexp_match(pg_get_expr(relpartbound, pg_class.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz AS begins,
    (regexp_match(pg_get_expr(relpartbound, pg_class.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz AS ends
FROM pg_inherits
JOIN pg_class ON pg_class.oid = inhrelid
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE inhparent = 'lookup_log'::regclass
ORDER BY ends, relname;

-- create_lookup_log_month --
-- As a table of its own first: attaching it lets lookups go on, which CREATE … PARTITION OF does not. There may
-- be one that was made by hand, or detached.
CREATE TABLE IF NOT EXISTS {month} (LIKE lookup_log INCLUDING ALL);

-- attach_lookup_log_month --
ALTER TABLE lookup_log ATTACH PARTITION {month} FOR VALUES FROM ({begins}) TO ({ends});

-- comment_lookup_log_month --
COMMENT ON TABLE {month} IS 'The records of one month. Personal data. Never mirrored';

-- hurry --
-- For the rest of the transaction: who waits to drop a month keeps lookups waiting behind it.
SET LOCAL lock_timeout = '100ms';

-- drop_lookup_log_month --
-- Locks the whole log for as long as it takes.
DROP TABLE {month};
