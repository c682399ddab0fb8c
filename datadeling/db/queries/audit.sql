-- audit_lookups --
-- Who read which fields under which purposes in a time. The order in which purposes and fields were named does
-- not matter; who asked under several names is called by the newest. A null consumer is anyone. No person.
WITH lookup AS NOT MATERIALIZED (
    SELECT
        tidspunkt,
        consumer,
        consumer_name,
        nav_ident,
        endpoint,
        hits,
        personer,
        ARRAY(SELECT unnest(behandlingsnummer) ORDER BY 1) AS behandlingsnummer,
        ARRAY(SELECT unnest(felter) ORDER BY 1) AS felter
    FROM lookup_log
    WHERE tidspunkt >= %(begins)s::timestamptz
      AND tidspunkt < %(ends)s::timestamptz
      AND (consumer = %(consumer)s::text OR %(consumer)s::text IS NULL)
), counted AS (
    SELECT
        consumer,
        endpoint,
        behandlingsnummer,
        felter,
        count(*) AS lookups,
        sum(hits)::bigint AS hits,
        count(DISTINCT nav_ident) AS users,
        min(tidspunkt) AS first,
        max(tidspunkt) AS last
    FROM lookup
    GROUP BY consumer, endpoint, behandlingsnummer, felter
), about AS (
    SELECT consumer, endpoint, behandlingsnummer, felter, count(*) AS persons
    FROM (
        SELECT DISTINCT consumer, endpoint, behandlingsnummer, felter, person
        FROM lookup, unnest(personer) AS person
    ) AS each
    GROUP BY consumer, endpoint, behandlingsnummer, felter
), called AS (
    SELECT DISTINCT ON (consumer) consumer, consumer_name
    FROM (
        SELECT consumer, consumer_name, max(tidspunkt) AS last
        FROM lookup
        WHERE consumer_name IS NOT NULL
        GROUP BY consumer, consumer_name
    ) AS name
    ORDER BY consumer, last DESC
)
SELECT
    consumer,
    called.consumer_name,
    endpoint,
    behandlingsnummer,
    felter,
    lookups,
    coalesce(about.persons, 0) AS persons,
    hits,
    users,
    first,
    last
FROM counted
LEFT JOIN about USING (consumer, endpoint, behandlingsnummer, felter)
LEFT JOIN called USING (consumer)
ORDER BY consumer, endpoint, behandlingsnummer, felter;

-- audit_person --
-- The lookups of a person in a time, oldest first. In some nobody was asked for, and the person was in the answer.
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
