CREATE OR REPLACE VIEW `mirror.tiltak_per_maaned` (
  maaned OPTIONS (description = 'Første dag i måneden.'),
  tiltakstype OPTIONS (description = 'Hva slags tiltak; nye verdier kan komme. Kjente verdier: ARBEIDSTRENING, MIDLERTIDIG_LONNSTILSKUDD, VARIG_LONNSTILSKUDD, MENTOR, INKLUDERINGSTILSKUDD, SOMMERJOBB, VTAO, FIREARIG_LONNSTILSKUDD. Ikke personopplysning alene.'),
  antall_personer OPTIONS (description = 'Ulike personer med minst én dag på tiltak i måneden.'),
  antall_avtaler OPTIONS (description = 'Avtaler med minst én dag i måneden.')
)
OPTIONS (
  description = 'Antall personer på tiltak hver måned, per tiltakstype. Grupper med færre enn 5 personer er utelatt, så summen over tiltakstyper er ikke alle.',
  labels = [('kilde', 'datadeling'), ('personidenter', 'nei')]
)
AS
SELECT
  maaned,
  tiltakstype,
  COUNT(DISTINCT deltaker_fnr) AS antall_personer,
  COUNT(*) AS antall_avtaler
FROM `mirror.public_avtale`
CROSS JOIN UNNEST(
  GENERATE_DATE_ARRAY(
    DATE_TRUNC(start_dato, MONTH),
    LEAST(COALESCE(slutt_dato, CURRENT_DATE('Europe/Oslo')), CURRENT_DATE('Europe/Oslo')),
    INTERVAL 1 MONTH
  )
) AS maaned
WHERE NOT feilregistrert
  AND avtale_inngaatt IS NOT NULL
  AND avtale_status NOT IN ('ANNULLERT', 'AVBRUTT')
  AND (slutt_dato IS NULL OR start_dato <= slutt_dato)
GROUP BY maaned, tiltakstype
HAVING COUNT(DISTINCT deltaker_fnr) >= 5;
