-- tiltaksstatus --
-- What a person, under any of these numbers, takes part in on a day. The dates decide what is current: the stored
-- status is as of the last event. An avtale without a start is in none of the lists, one that ends before it
-- starts is in one of them. The answer is the JSON that the consumer gets.
WITH tiltak AS (
    SELECT
        start_dato,
        avtale_id,
        CASE
            WHEN start_dato > %(dato)s::date THEN 'kommende'
            WHEN slutt_dato < %(dato)s::date THEN 'tidligere'
            ELSE 'naavaerende'
        END AS naar,
        json_build_object(
            'avtaleId', avtale_id,
            'avtaleNr', avtale_nr,
            'tiltakstype', tiltakstype,
            'startDato', start_dato,
            'sluttDato', slutt_dato,
            'varighetDager', CASE
                WHEN slutt_dato IS NOT NULL THEN greatest(slutt_dato - start_dato + 1, 0)
                WHEN start_dato <= %(dato)s::date THEN %(dato)s::date - start_dato + 1
            END,
            'stillingprosent', trim_scale(stillingprosent),
            'antallDagerPerUke', trim_scale(antall_dager_per_uke),
            'bedriftNr', bedrift_nr
        ) AS svar
    FROM avtale
    WHERE deltaker_fnr = ANY (%(identer)s::text[])
      AND avtale_inngaatt IS NOT NULL
      AND avtale_status NOT IN ('ANNULLERT', 'AVBRUTT')
      AND NOT feilregistrert
      AND start_dato IS NOT NULL
)
SELECT json_build_object(
    'paaTiltak', count(*) FILTER (WHERE naar = 'naavaerende') > 0,
    'antall', count(*) FILTER (WHERE naar = 'naavaerende'),
    'naavaerende',
    coalesce(json_agg(svar ORDER BY start_dato, avtale_id) FILTER (WHERE naar = 'naavaerende'), '[]'),
    'kommende',
    coalesce(json_agg(svar ORDER BY start_dato, avtale_id) FILTER (WHERE naar = 'kommende'), '[]'),
    'tidligere',
    coalesce(json_agg(svar ORDER BY start_dato, avtale_id) FILTER (WHERE naar = 'tidligere'), '[]')
)::text
FROM tiltak;

-- search_avtaler --
-- A person's avtaler, newest first, without those registered by mistake. Only the columns of the fields asked for
-- are read. The answer is the JSON that the consumer gets.
SELECT json_build_object(
    'avtaler',
    coalesce(
        json_agg(svar ORDER BY avtale.opprettet_tidspunkt DESC, avtale.avtale_id DESC), '[]'
    ),
    'markoer', NULL
)::text
FROM avtale
CROSS JOIN LATERAL (SELECT {felter}) AS svar
WHERE avtale.deltaker_fnr = ANY (%(identer)s::text[])
  AND NOT avtale.feilregistrert;

-- find_avtale --
-- One avtale as the JSON that the consumer gets; no row when there is none to be shown.
SELECT to_json(svar)::text
FROM avtale
CROSS JOIN LATERAL (SELECT {felter}) AS svar
WHERE avtale.avtale_id = %(avtale_id)s::uuid
  AND NOT avtale.feilregistrert;

-- ping --
-- Whether the database answers.
SELECT 1;
