-- audit_lookups --
-- Return the totals of lookups in an interval by consumer, call, purposes and fields, whatever the order in which the
-- request listed these. A consumer has its newest name; a null consumer is any. No person is returned.
-- There may be millions of records of few kinds, so the kinds are numbered first and persons are counted by number.
WITH kind AS MATERIALIZED (
    SELECT
        *,
        dense_rank() OVER (ORDER BY consumer, endpoint, purposes, fields) AS nr
    FROM (
        SELECT
            consumer,
            endpoint,
            behandlingsnummer,
            felter,
            ARRAY(SELECT unnest(behandlingsnummer) ORDER BY 1) AS purposes,
            ARRAY(SELECT unnest(felter) ORDER BY 1) AS fields,
            count(*) AS lookups,
            sum(hits) AS hits,
            min(tidspunkt) AS first,
            max(tidspunkt) AS last
        FROM lookup_log
        WHERE tidspunkt >= %(begins)s::timestamptz
          AND tidspunkt < %(ends)s::timestamptz
          AND (consumer = %(consumer)s::text OR %(consumer)s::text IS NULL)
        GROUP BY consumer, endpoint, behandlingsnummer, felter
    ) AS as_named
), lookup AS NOT MATERIALIZED (
    SELECT nr, nav_ident, personer
    FROM lookup_log
    JOIN kind USING (consumer, endpoint, behandlingsnummer, felter)
    WHERE tidspunkt >= %(begins)s::timestamptz AND tidspunkt < %(ends)s::timestamptz
), about AS (
    SELECT nr, count(*) AS persons
    FROM (SELECT DISTINCT nr, person FROM lookup, unnest(personer) AS person) AS each
    GROUP BY nr
), behalf AS (
    SELECT nr, count(*) AS users
    FROM (SELECT DISTINCT nr, nav_ident FROM lookup WHERE nav_ident IS NOT NULL) AS each
    GROUP BY nr
), called AS (
    SELECT DISTINCT ON (consumer) consumer, consumer_name
    FROM (
        SELECT consumer, consumer_name, max(tidspunkt) AS last
        FROM lookup_log
        WHERE tidspunkt >= %(begins)s::timestamptz
          AND tidspunkt < %(ends)s::timestamptz
          AND consumer_name IS NOT NULL
        GROUP BY consumer, consumer_name
    ) AS name
    ORDER BY consumer, last DESC
)
SELECT
    consumer,
    called.consumer_name,
    endpoint,
    purposes AS behandlingsnummer,
    fields AS felter,
    sum(lookups)::bigint AS lookups,
    coalesce(about.persons, 0) AS persons,
    sum(hits)::bigint AS hits,
    coalesce(behalf.users, 0) AS users,
    min(first) AS first,
    max(last) AS last
FROM kind
LEFT JOIN about USING (nr)
LEFT JOIN behalf USING (nr)
LEFT JOIN called USING (consumer)
GROUP BY nr, consumer, called.consumer_name, endpoint, purposes, fields, about.persons, behalf.users
ORDER BY nr;

-- audit_person --
-- Return the lookups of a person in an interval, oldest first. `asked_for` is false if the request named no person and
-- this one was in the answer.
SELECT
    tidspunkt,
    consumer,
    consumer_name,
    nav_ident,
    endpoint,
    behandlingsnummer,
    felter,
    'identer' = ANY (criteria) AS asked_for,
    call_id
FROM lookup_log
WHERE tidspunkt >= %(begins)s::timestamptz
  AND tidspunkt < %(ends)s::timestamptz
  AND personer && %(identer)s::text[]
ORDER BY tidspunkt, call_id;
