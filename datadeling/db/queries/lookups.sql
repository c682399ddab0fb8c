-- tiltaksstatus --
-- The present, future and past tiltak of a person on a day. A tiltak that ends before it starts is in one of the lists.
-- Each lookup returns one row: the JSON for the consumer, the number of avtaler in it, and the persons that they are
-- about if the request named nobody.
WITH tiltak AS (
    SELECT avtale.start_dato, avtale.avtale_id, {naar} AS naar, to_json(svar) AS svar
    FROM {source}
    CROSS JOIN LATERAL (SELECT {felter}) AS svar
    WHERE {criteria}
)
SELECT json_build_object({status}{history_begins})::text AS answer, count(*) AS hits, NULL::text[] AS gjelder
FROM tiltak;

-- tiltaksstatus_bolk --
-- The same for many persons, in the order of the request. The pairs (nr, ident) hold the numbers of person nr; an
-- answer that needs no lookup stands in `svart`. OFFSET 0 makes the planner look each number up by itself: it would
-- otherwise join all of them with all versions of a time.
WITH tiltak AS (
    SELECT wanted.nr, dens.start_dato, dens.avtale_id, dens.naar, dens.svar
    FROM unnest({nr}::int[], {ident}::text[]) AS wanted (nr, ident)
    CROSS JOIN LATERAL (
        SELECT avtale.start_dato, avtale.avtale_id, {naar} AS naar, to_json(svar) AS svar
        FROM {source}
        CROSS JOIN LATERAL (SELECT {felter}) AS svar
        WHERE avtale.deltaker_fnr = wanted.ident AND {criteria}
        OFFSET 0
    ) AS dens
), funnet AS (
    SELECT nr, count(*) AS hits, json_build_object('kode', 'OK', {status}) AS svar FROM tiltak GROUP BY nr
)
SELECT
    json_build_object(
        'resultater',
        json_agg(
            coalesce(person.svart::json, funnet.svar, json_build_object('kode', 'OK', {no_status}))
            ORDER BY person.nr
        ){history_begins}
    )::text AS answer,
    coalesce(sum(funnet.hits), 0)::int AS hits,
    NULL::text[] AS gjelder
FROM unnest({svart}::text[]) WITH ORDINALITY AS person (svart, nr)
LEFT JOIN funnet ON funnet.nr = person.nr;

-- search_avtaler --
-- A page of avtaler, newest first, with a marker for the next page when there is one. The sort key never changes, so
-- no avtale is left out or comes twice.
WITH funnet AS (
    SELECT avtale.opprettet_tidspunkt, avtale.avtale_id, {person} AS person, to_json(svar) AS svar
    FROM {source}
    CROSS JOIN LATERAL (SELECT {felter}) AS svar
    WHERE {criteria}
    ORDER BY avtale.opprettet_tidspunkt DESC, avtale.avtale_id DESC
    LIMIT {limit}::int + 1
), nummerert AS (
    SELECT *, row_number() OVER (ORDER BY opprettet_tidspunkt DESC, avtale_id DESC) AS nr FROM funnet
)
SELECT
    json_build_object(
        'avtaler', coalesce(json_agg(svar ORDER BY nr) FILTER (WHERE nr <= {limit}::int), '[]'),
        'markoer', (
            SELECT {marker}
            FROM nummerert AS siste
            WHERE siste.nr = {limit}::int AND EXISTS (SELECT FROM nummerert AS neste WHERE neste.nr > siste.nr)
        ){history_begins}
    )::text AS answer,
    count(*) FILTER (WHERE nr <= {limit}::int) AS hits,
    array_agg(DISTINCT person) FILTER (WHERE nr <= {limit}::int AND person IS NOT NULL) AS gjelder
FROM nummerert;

-- list_avtaler --
-- All avtaler that match, newest first; null when there are more than the limit.
WITH funnet AS (
    SELECT avtale.opprettet_tidspunkt, avtale.avtale_id, {person} AS person, to_json(svar) AS svar
    FROM {source}
    CROSS JOIN LATERAL (SELECT {felter}) AS svar
    WHERE {criteria}
    ORDER BY avtale.opprettet_tidspunkt DESC, avtale.avtale_id DESC
    LIMIT {limit}::int + 1
)
SELECT
    CASE
        WHEN count(*) <= {limit}::int
            THEN coalesce(json_agg(svar ORDER BY opprettet_tidspunkt DESC, avtale_id DESC), '[]')::text
    END AS answer,
    CASE WHEN count(*) <= {limit}::int THEN count(*) ELSE 0 END AS hits,
    CASE
        WHEN count(*) <= {limit}::int THEN array_agg(DISTINCT person) FILTER (WHERE person IS NOT NULL)
    END AS gjelder
FROM funnet;

-- find_avtale --
-- One avtale, or null. Should two avtaler have the same number, the newest is returned.
WITH funnet AS (
    SELECT avtale.deltaker_fnr AS person, to_json(svar) AS svar
    FROM {source}
    CROSS JOIN LATERAL (SELECT {felter}) AS svar
    WHERE {criteria}
    ORDER BY avtale.opprettet_tidspunkt DESC, avtale.avtale_id DESC
    LIMIT 1
)
SELECT
    min(svar::text) AS answer, count(*) AS hits, array_agg(person) FILTER (WHERE person IS NOT NULL) AS gjelder
FROM funnet;

-- list_versions --
-- All versions of one avtale, newest first, with the fields that each of them changed; null when there is none. The
-- oldest version has no changes, because the one before it is not known.
WITH funnet AS (
    SELECT
        avtale.deltaker_fnr AS person, avtale.gyldig_fra, avtale.gyldig_til, to_json(svar) AS svar,
        row_number() OVER eldst_foerst AS nr,
        array_remove(ARRAY[{names}]::text[], NULL) AS endret
    FROM {source}
    CROSS JOIN LATERAL (SELECT {felter}) AS svar
    WHERE {criteria}
    WINDOW eldst_foerst AS (
        ORDER BY avtale.er_naa, avtale.endret_tidspunkt, avtale.generation, avtale.kafka_offset
    )
)
SELECT
    CASE WHEN count(*) > 0 THEN json_build_object(
        'versjoner', json_agg(
            json_build_object(
                'gyldigFra', gyldig_fra,
                'gyldigTil', gyldig_til,
                'endret', CASE WHEN nr > 1 THEN endret ELSE '{{}}' END,
                'avtale', svar
            ) ORDER BY nr DESC
        ){history_begins}
    ) END::text AS answer,
    count(*) AS hits,
    array_agg(DISTINCT person) FILTER (WHERE person IS NOT NULL) AS gjelder
FROM funnet;

-- ping --
-- Whether the database answers.
SELECT 1;
