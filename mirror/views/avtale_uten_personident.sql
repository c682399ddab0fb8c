-- Made from datadeling/mirror by `make views`. Change it there.
CREATE OR REPLACE VIEW `datastream_datadeling.avtale_uten_personident` (
  avtale_id OPTIONS (description = "Avtalens id. Personopplysning: kan være indirekte identifiserende."),
  avtale_nr OPTIONS (description = "Avtalens nummer; mangler for gamle utkast. Personopplysning: kan være indirekte identifiserende."),
  bedrift_nr OPTIONS (description = "Arbeidsgiverens virksomhetsnummer. Personopplysning: kan være indirekte identifiserende."),
  tiltakstype OPTIONS (description = "Hva slags tiltak; nye verdier kan komme. Kjente verdier: ARBEIDSTRENING, MIDLERTIDIG_LONNSTILSKUDD, VARIG_LONNSTILSKUDD, MENTOR, INKLUDERINGSTILSKUDD, SOMMERJOBB, VTAO, FIREARIG_LONNSTILSKUDD. Personopplysning: særlig kategori."),
  avtale_status OPTIONS (description = "Status da siste hendelse ble sendt; nye verdier kan komme. Bruk datoene for hva som gjelder i dag. Kjente verdier: ANNULLERT, AVBRUTT, PÅBEGYNT, MANGLER_GODKJENNING, KLAR_FOR_OPPSTART, GJENNOMFØRES, AVSLUTTET. Personopplysning: kan være indirekte identifiserende."),
  versjon OPTIONS (description = "Avtalens versjon, fra 1. Personopplysning: kan være indirekte identifiserende."),
  opphav OPTIONS (description = "Hvem som opprettet avtalen; nye verdier kan komme. Kjente verdier: VEILEDER, ARBEIDSGIVER, ARENA. Personopplysning: kan være indirekte identifiserende."),
  start_dato OPTIONS (description = "Første dag. Personopplysning: kan være indirekte identifiserende."),
  slutt_dato OPTIONS (description = "Siste dag; mangler når avtalen er åpen. Personopplysning: kan være indirekte identifiserende."),
  stillingprosent OPTIONS (description = "Deltakerens stillingsprosent; deles ikke for MENTOR, der tallet er mentorens. Personopplysning: kan være indirekte identifiserende."),
  antall_dager_per_uke OPTIONS (description = "Dager per uke. Personopplysning: kan være indirekte identifiserende."),
  stillingstype OPTIONS (description = "Slags stilling; nye verdier kan komme. Kjente verdier: FAST, MIDLERTIDIG. Personopplysning: kan være indirekte identifiserende."),
  avtale_inngaatt OPTIONS (description = "Da alle hadde godkjent. Personopplysning: kan være indirekte identifiserende."),
  godkjent_av_deltaker OPTIONS (description = "Da deltakeren godkjente. Personopplysning: kan være indirekte identifiserende."),
  godkjent_av_arbeidsgiver OPTIONS (description = "Da arbeidsgiveren godkjente. Personopplysning: kan være indirekte identifiserende."),
  godkjent_av_veileder OPTIONS (description = "Da veilederen godkjente. Personopplysning: kan være indirekte identifiserende."),
  godkjent_av_beslutter OPTIONS (description = "Da beslutteren godkjente. Personopplysning: kan være indirekte identifiserende."),
  godkjent_paa_vegne_av OPTIONS (description = "Om veilederen godkjente på vegne av deltakeren. Personopplysning: kan være indirekte identifiserende."),
  godkjent_paa_vegne_av_arbeidsgiver OPTIONS (description = "Om veilederen godkjente på vegne av arbeidsgiveren. Personopplysning: kan være indirekte identifiserende."),
  annullert_tidspunkt OPTIONS (description = "Da avtalen ble annullert. Personopplysning: kan være indirekte identifiserende."),
  feilregistrert OPTIONS (description = "Om avtalen ble registrert ved en feil. Personopplysning: kan være indirekte identifiserende."),
  opprettet_tidspunkt OPTIONS (description = "Da avtalen ble opprettet. Personopplysning: kan være indirekte identifiserende."),
  endret_tidspunkt OPTIONS (description = "Da avtalen sist ble endret. Personopplysning: kan være indirekte identifiserende."),
  mottatt_tidspunkt OPTIONS (description = "Da denne versjonen ble lagret her. Personopplysning: kan være indirekte identifiserende.")
)
OPTIONS (
  description = "Avtaler om arbeidsmarkedstiltak, uten deltakerens identitetsnummer og uten NAV-identer. Én rad per avtale, slik den er nå. Avtaler som er registrert ved en feil, er ikke med. Fortsatt personopplysninger: den som vet noe om en avtale, kan kjenne den igjen. Personer med adressebeskyttelse (fortrolig, strengt fortrolig) og skjermede personer er ikke filtrert bort.",
  labels = [("app", "datadeling"), ("personopplysninger", "indirekte")]
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
  endret_tidspunkt,
  mottatt_tidspunkt
FROM `datastream_datadeling.public_avtale`
WHERE NOT feilregistrert;
