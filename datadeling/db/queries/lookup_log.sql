-- audited --
-- A lookup and its record in one statement: there is no answer without the record.
WITH oppslag AS MATERIALIZED (
    {lookup}
), recorded AS (
    {record}
)
SELECT answer FROM oppslag;

-- audited_together --
-- The same for many that ask in the same words, each with values of their own: spurt has them by name, as text. An
-- answer for each, in the order asked. The planner takes any JSON for a hundred of them, and so has one plan for all.
WITH spurt AS (
    SELECT * FROM ROWS FROM (json_to_recordset(%(spurt)s::json) AS ({columns})) WITH ORDINALITY AS spurt ({names}, nr)
), oppslag AS MATERIALIZED (
    SELECT spurt.*, svar.* FROM spurt CROSS JOIN LATERAL ({lookup}) AS svar
), recorded AS (
    {record}
)
SELECT answer FROM oppslag ORDER BY nr;

-- record --
-- Where persons were asked for, these are recorded; else those whom the answer is about.
INSERT INTO lookup_log (
    call_id, consumer, consumer_name, nav_ident, behandlingsnummer, endpoint, criteria, felter, personer, hits
)
SELECT
    %(call_id)s::text,
    %(consumer)s::text,
    %(consumer_name)s::text,
    %(nav_ident)s::text,
    %(behandlingsnummer)s::text[],
    %(endpoint)s::text,
    %(criteria)s::text[],
    %(felter)s::text[],
    coalesce(%(personer)s::text[], oppslag.gjelder, '{}'),
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
