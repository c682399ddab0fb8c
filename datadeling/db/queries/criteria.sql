-- by_identer --
-- This file holds parts of statements. This part selects a person under any of their numbers.
avtale.deltaker_fnr = ANY ({identer}::text[]);

-- by_fnr --
-- The same with one number. For a list, the planner estimates that a generic plan costs more than a custom one, and
-- plans each lookup anew: 0.59 ms of its CPU instead of 0.36.
avtale.deltaker_fnr = {fnr}::text;

-- by_bedrift_nr --
avtale.bedrift_nr = {bedrift_nr}::text;

-- by_tiltakstype --
avtale.tiltakstype = {tiltakstype}::text;

-- by_avtale_status --
avtale.avtale_status = {avtale_status}::text;

-- by_avtale_id --
avtale.avtale_id = {avtale_id}::uuid;

-- by_avtale_nr --
avtale.avtale_nr = {avtale_nr}::bigint;

-- by_fom --
-- Tiltak that have not ended before that day. One without a start has no days.
avtale.start_dato IS NOT NULL AND coalesce(avtale.slutt_dato, 'infinity') >= {fom}::date;

-- by_tom --
-- Tiltak that have begun by that day.
avtale.start_dato <= {tom}::date;

-- by_marker --
-- Avtaler after the last one of the previous page.
(avtale.opprettet_tidspunkt, avtale.avtale_id) < ({marker_time}::timestamptz, {marker_id}::uuid);

-- marker --
-- Time and id of the last avtale of a page and their checksum, encoded for URLs.
(
    SELECT translate(encode(place || substring(int8send(crc32(place)) FROM 5), 'base64'), '+/=', '-_')
    FROM (SELECT timestamptz_send(siste.opprettet_tidspunkt) || uuid_send(siste.avtale_id)) AS of (place)
);

-- is_tiltak --
-- Avtaler that count for `tiltaksstatus`: agreed, not cancelled, with a start. The dates decide the rest, because the
-- stored status is that of the last event.
avtale.avtale_inngaatt IS NOT NULL
AND avtale.avtale_status NOT IN ('ANNULLERT', 'AVBRUTT')
AND avtale.start_dato IS NOT NULL;

-- is_numbered --
-- In the GraphQL schema, avtaleNr is never null.
avtale.avtale_nr IS NOT NULL;

-- is_shown --
NOT avtale.feilregistrert;

-- is_still_shown --
-- The same for an earlier version: an avtale that is marked today as registered by mistake stays hidden.
NOT (SELECT naa.feilregistrert FROM avtale AS naa WHERE naa.avtale_id = avtale.avtale_id);

-- as_of --
-- The version of each avtale that was the newest at a time, by the time of its message. Such times may run backwards
-- on the topic; of two versions that were valid then, the newer one counts. The subqueries return a value instead of
-- using EXISTS, and avoid the index on gyldig_til: the planner would otherwise scan both tables when a lookup is about
-- more than a few persons.
(
    SELECT {columns} FROM avtale WHERE avtale.hendelse_tidspunkt <= {tidspunkt}::timestamptz
    UNION ALL
    SELECT {versions}
    FROM avtale_historikk AS tidligere
    WHERE tidligere.gyldig_fra <= {tidspunkt}::timestamptz
      AND (tidligere.gyldig_til > {tidspunkt}::timestamptz) IS TRUE
      AND (
          SELECT naa.hendelse_tidspunkt > {tidspunkt}::timestamptz
          FROM avtale AS naa
          WHERE naa.avtale_id = tidligere.avtale_id
      )
      AND (
          SELECT (nyest.generation, nyest.kafka_partition, nyest.kafka_offset)
               = (tidligere.generation, tidligere.kafka_partition, tidligere.kafka_offset)
          FROM avtale_historikk AS nyest
          WHERE nyest.avtale_id = tidligere.avtale_id
            AND nyest.gyldig_fra <= {tidspunkt}::timestamptz
            AND (nyest.gyldig_til > {tidspunkt}::timestamptz) IS TRUE
          ORDER BY nyest.endret_tidspunkt DESC, nyest.generation DESC, nyest.kafka_offset DESC
          LIMIT 1
      )
) AS avtale;

-- versions --
-- The present state of each avtale and its superseded versions. The present state is the newest, even if a corrected
-- transform has changed its times; the order of versions decides between the others.
(
    SELECT
        {columns},
        avtale.hendelse_tidspunkt AS gyldig_fra, NULL::timestamptz AS gyldig_til,
        avtale.generation, avtale.kafka_offset, TRUE AS er_naa
    FROM avtale
    UNION ALL
    SELECT
        {versions},
        tidligere.gyldig_fra, tidligere.gyldig_til,
        tidligere.generation, tidligere.kafka_offset, FALSE
    FROM avtale_historikk AS tidligere
) AS avtale;

-- name_if_changed --
CASE WHEN {column} IS DISTINCT FROM lag({column}) OVER eldst_foerst THEN {name} END;

-- varighet_dager --
-- Days from the first to the last. For a tiltak without an end that has begun: to the day of the request.
CASE
    WHEN avtale.slutt_dato IS NOT NULL THEN greatest(avtale.slutt_dato - avtale.start_dato + 1, 0)
    WHEN avtale.start_dato <= {dato}::date THEN {dato}::date - avtale.start_dato + 1
END;

-- naar --
CASE
    WHEN avtale.start_dato > {dato}::date THEN 'kommende'
    WHEN avtale.slutt_dato < {dato}::date THEN 'tidligere'
    ELSE 'naavaerende'
END;

-- status --
-- The members of the JSON about one person.
'paaTiltak', count(*) FILTER (WHERE naar = 'naavaerende') > 0,
'antall', count(*) FILTER (WHERE naar = 'naavaerende'),
'naavaerende', coalesce(json_agg(svar ORDER BY start_dato, avtale_id) FILTER (WHERE naar = 'naavaerende'), '[]'),
'kommende', coalesce(json_agg(svar ORDER BY start_dato, avtale_id) FILTER (WHERE naar = 'kommende'), '[]'),
'tidligere', coalesce(json_agg(svar ORDER BY start_dato, avtale_id) FILTER (WHERE naar = 'tidligere'), '[]');

-- no_status --
-- The same for a person without tiltak.
'paaTiltak', FALSE, 'antall', 0, 'naavaerende', '[]'::json, 'kommende', '[]'::json, 'tidligere', '[]'::json;

-- history_begins --
-- The time since which history is complete in every partition; null until a message has been read.
, 'historikkKomplettFra', (SELECT max(historikk_fra) FROM consumer_offset);
