-- Made from datadeling/mirror by `make views`. Change it there.
CREATE OR REPLACE VIEW `datastream_datadeling.tiltak_per_maaned` (
  maaned OPTIONS (description = "Første dag i måneden."),
  tiltakstype OPTIONS (description = "Hva slags tiltak; nye verdier kan komme."),
  antall_deltakere OPTIONS (description = "Antall personer med inngått avtale og minst én dag i måneden; aldri under 5.")
)
OPTIONS (
  description = "Hvor mange som har vært på hver tiltakstype i hver måned som er over. Tall under 5 er utelatt, hele raden mangler da. Summer ikke over tiltakstyper: noen er på flere, og utelatte rader mangler. Tallene endres når avtaler registreres eller rettes i ettertid.",
  labels = [("app", "datadeling"), ("personopplysninger", "aggregert")]
)
AS
SELECT
  maaned,
  tiltakstype,
  COUNT(DISTINCT deltaker_fnr) AS antall_deltakere
FROM `datastream_datadeling.public_avtale`
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
HAVING COUNT(DISTINCT deltaker_fnr) >= 5;
