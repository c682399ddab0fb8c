CREATE OR REPLACE VIEW `mirror.avtale_uten_personident` (
  avtale_id OPTIONS (description = 'Avtalens id. Ikke personopplysning alene.'),
  avtale_nr OPTIONS (description = 'Avtalens nummer; mangler for gamle utkast. Ikke personopplysning alene.'),
  bedrift_nr OPTIONS (description = 'Arbeidsgiverens virksomhetsnummer. Ikke personopplysning alene.'),
  tiltakstype OPTIONS (description = 'Hva slags tiltak; nye verdier kan komme. Kjente verdier: ARBEIDSTRENING, MIDLERTIDIG_LONNSTILSKUDD, VARIG_LONNSTILSKUDD, MENTOR, INKLUDERINGSTILSKUDD, SOMMERJOBB, VTAO, FIREARIG_LONNSTILSKUDD. Ikke personopplysning alene.'),
  avtale_status OPTIONS (description = 'Status da siste hendelse ble sendt; nye verdier kan komme. Bruk datoene for hva som gjelder i dag. Kjente verdier: ANNULLERT, AVBRUTT, PÅBEGYNT, MANGLER_GODKJENNING, KLAR_FOR_OPPSTART, GJENNOMFØRES, AVSLUTTET. Ikke personopplysning alene.'),
  versjon OPTIONS (description = 'Avtalens versjon, fra 1. Ikke personopplysning alene.'),
  opphav OPTIONS (description = 'Hvem som opprettet avtalen; nye verdier kan komme. Kjente verdier: VEILEDER, ARBEIDSGIVER, ARENA. Ikke personopplysning alene.'),
  start_dato OPTIONS (description = 'Første dag. Ikke personopplysning alene.'),
  slutt_dato OPTIONS (description = 'Siste dag; mangler når avtalen er åpen. Ikke personopplysning alene.'),
  stillingprosent OPTIONS (description = 'Deltakerens stillingsprosent; deles ikke for MENTOR, der tallet er mentorens. Ikke personopplysning alene.'),
  antall_dager_per_uke OPTIONS (description = 'Dager per uke. Ikke personopplysning alene.'),
  stillingstype OPTIONS (description = 'Slags stilling; nye verdier kan komme. Kjente verdier: FAST, MIDLERTIDIG. Ikke personopplysning alene.'),
  avtale_inngaatt OPTIONS (description = 'Da alle hadde godkjent. Ikke personopplysning alene.'),
  godkjent_av_deltaker OPTIONS (description = 'Da deltakeren godkjente. Ikke personopplysning alene.'),
  godkjent_av_arbeidsgiver OPTIONS (description = 'Da arbeidsgiveren godkjente. Ikke personopplysning alene.'),
  godkjent_av_veileder OPTIONS (description = 'Da veilederen godkjente. Ikke personopplysning alene.'),
  godkjent_av_beslutter OPTIONS (description = 'Da beslutteren godkjente. Ikke personopplysning alene.'),
  godkjent_paa_vegne_av OPTIONS (description = 'Om veilederen godkjente på vegne av deltakeren. Ikke personopplysning alene.'),
  godkjent_paa_vegne_av_arbeidsgiver OPTIONS (description = 'Om veilederen godkjente på vegne av arbeidsgiveren. Ikke personopplysning alene.'),
  annullert_tidspunkt OPTIONS (description = 'Da avtalen ble annullert. Ikke personopplysning alene.'),
  feilregistrert OPTIONS (description = 'Om avtalen ble registrert ved en feil. Ikke personopplysning alene.'),
  opprettet_tidspunkt OPTIONS (description = 'Da avtalen ble opprettet. Ikke personopplysning alene.'),
  endret_tidspunkt OPTIONS (description = 'Da avtalen sist ble endret. Ikke personopplysning alene.')
)
OPTIONS (
  description = 'Avtaler om arbeidsmarkedstiltak uten identitetsnumre og NAV-identer. En avtale kan likevel gjelde en person som noen kjenner igjen. Adressebeskyttede og skjermede personer er med. Feilregistrerte er utelatt.',
  labels = [('kilde', 'datadeling'), ('personidenter', 'nei')]
)
AS
SELECT
  avtale_id,
  avtale_nr,
  bedrift_nr,
  tiltakstype,
  avtale_status,
  versjon,
  opphav,
  start_dato,
  slutt_dato,
  stillingprosent,
  antall_dager_per_uke,
  stillingstype,
  avtale_inngaatt,
  godkjent_av_deltaker,
  godkjent_av_arbeidsgiver,
  godkjent_av_veileder,
  godkjent_av_beslutter,
  godkjent_paa_vegne_av,
  godkjent_paa_vegne_av_arbeidsgiver,
  annullert_tidspunkt,
  feilregistrert,
  opprettet_tidspunkt,
  endret_tidspunkt
FROM `mirror.public_avtale`
WHERE NOT feilregistrert;
