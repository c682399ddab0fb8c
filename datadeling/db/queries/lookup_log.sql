-- audited --
-- A lookup and its record in one statement: there is no answer without the record. Where persons were asked for,
-- these are recorded; else those whom the answer is about.
WITH oppslag AS MATERIALIZED (
    {lookup}
), recorded AS (
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
        coalesce(%(personer)s::text[], oppslag.personer, '{{}}'),
        oppslag.hits
    FROM oppslag
)
SELECT answer FROM oppslag;

-- lock_lookup_log --
-- One at a time: whoever makes or drops months.
SELECT pg_advisory_xact_lock(hashtextextended('lookup_log', 0));

-- lookup_log_months --
-- The names of the months that there are.
SELECT relname FROM pg_class JOIN pg_inherits ON pg_class.oid = inhrelid WHERE inhparent = 'lookup_log'::regclass;

-- create_lookup_log_month --
-- As a table of its own first: attaching it lets lookups go on, which CREATE … PARTITION OF does not.
CREATE TABLE {month} (LIKE lookup_log INCLUDING ALL);

-- attach_lookup_log_month --
ALTER TABLE lookup_log ATTACH PARTITION {month} FOR VALUES FROM ({begins}) TO ({ends});

-- comment_lookup_log_month --
COMMENT ON TABLE {month} IS 'The records of one month. Personal data. Never mirrored';
