-- A tiltak is defined as for the API's tiltaksstatus: `is_tiltak` in db/queries/criteria.sql.
--
-- One figure, only for months that have ended, and no totals: differences between figures would reveal groups
-- that are too small to be shown. A total reveals the row that is left out, the number of avtaler the persons
-- who have two, and a month that has not ended those who came today.
SELECT
  maaned,
  tiltakstype,
  COUNT(DISTINCT deltaker_fnr) AS antall_deltakere
FROM {source}
CROSS JOIN UNNEST(
  GENERATE_DATE_ARRAY(
    DATE_TRUNC(start_dato, MONTH),
    LEAST(
      COALESCE(slutt_dato, DATE '9999-12-31'),
      DATE_SUB(DATE_TRUNC(CURRENT_DATE('Europe/Oslo'), MONTH), INTERVAL 1 DAY)
    ),
    INTERVAL 1 MONTH
  )
) AS maaned
WHERE NOT feilregistrert
  AND avtale_inngaatt IS NOT NULL
  AND avtale_status NOT IN ('ANNULLERT', 'AVBRUTT')
  AND (slutt_dato IS NULL OR slutt_dato >= start_dato)
GROUP BY maaned, tiltakstype
HAVING COUNT(DISTINCT deltaker_fnr) >= {fewest}
