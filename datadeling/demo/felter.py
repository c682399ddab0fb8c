"""The words and values that synthetic avtaler are written with. Nobody's names, numbers or addresses."""

from typing import Final

# How often each occurs, in per cent, as on a real topic at rest.
STATUSER: Final = {
    "AVSLUTTET": 50.0,
    "PÅBEGYNT": 33.0,
    "MANGLER_GODKJENNING": 10.0,
    "ANNULLERT": 3.5,
    "GJENNOMFØRES": 2.5,
    "KLAR_FOR_OPPSTART": 1.0,
}
TILTAKSTYPER: Final = {
    "ARBEIDSTRENING": 38.0,
    "MIDLERTIDIG_LONNSTILSKUDD": 24.0,
    "SOMMERJOBB": 10.0,
    "MENTOR": 9.0,
    "INKLUDERINGSTILSKUDD": 7.0,
    "VARIG_LONNSTILSKUDD": 7.0,
    "VTAO": 3.0,
    "FIREARIG_LONNSTILSKUDD": 2.0,
}
MED_LONNSTILSKUDD: Final = frozenset(
    {"MIDLERTIDIG_LONNSTILSKUDD", "VARIG_LONNSTILSKUDD", "SOMMERJOBB", "FIREARIG_LONNSTILSKUDD"}
)

# An edit: what happened, what was done to the content, and whether it makes a new version.
ENDRINGER: Final = (
    ("ENDRET", "INNGÅ", False),
    ("ENDRET_AV_ARENA", "ENDRET_AV_ARENA", False),
    ("AVTALE_FORLENGET", "FORLENGE", True),
    ("AVTALE_FORKORTET", "FORKORTE", True),
    ("STILLINGSBESKRIVELSE_ENDRET", "ENDRE_STILLING", True),
    ("KONTAKTINFORMASJON_ENDRET", "ENDRE_KONTAKTINFO", True),
    ("GODKJENT_AV_ARBEIDSGIVER", "INNGÅ", False),
)
ROLLER: Final = ("VEILEDER", "VEILEDER", "ARBEIDSGIVER", "BESLUTTER", "DELTAKER", "MENTOR")
OPPHAV: Final = ("VEILEDER", "VEILEDER", "ARBEIDSGIVER", "ARENA")
ANNULLERT_GRUNN: Final = ("Feilregistrering", "Ikke møtt", "Syk", "Begynt i arbeid")
FORKORTET_GRUNN: Final = (None, "Begynt i arbeid", "Fått tilbud om annet tiltak", "Syk", "Ikke møtt")
KVALIFISERINGSGRUPPER: Final = ("BFORM", "VARIG", "BATT", "IVURD")
FORMIDLINGSGRUPPER: Final = ("ARBS", "ARBS", "IARBS", "ISERV")

STILLINGSPROSENTER: Final = ("100", "100", "100", "50", "80", "60", "37.5", "50.00", "33.33", "20", "12.5")
DAGER_PER_UKE: Final = ("5", "5", "5", "3", "4", "2", "2.5", "1", "4.50")

FORNAVN: Final = (
    "Åse", "Bjørn", "Kåre", "Solveig", "Jørgen", "Ingrid", "Håkon", "Siri", "Øyvind", "Marit",
    "Sjur", "Gunnhild", "Tor", "Ragnhild", "Pål", "Synnøve", "Leif", "Aslaug", "Trygve", "Hærborg",
)  # fmt: skip
ETTERNAVN: Final = (
    "Fjelltopp", "Bølgeblikk", "Skogstjerne", "Myrull", "Blåveis", "Røyskatt", "Hvitveis", "Lærketre",
    "Snøfonn", "Vårregn", "Tyttebær", "Måneskinn", "Bråtebrann", "Gråstein", "Lyngmo", "Sølvpil",
)  # fmt: skip
BEDRIFTER: Final = (
    "Fjordlys bakeri", "Måkeskrik rederi", "Bærtur barnehage", "Rødtopp kaffebrenneri",
    "Grønneslett sykehjem", "Blåklokke blomster", "Snøhule bygg og anlegg", "Lyngheia regnskap",
    "Kråkeslott renhold",
)  # fmt: skip
SELSKAPSFORMER: Final = ("AS", "AS", "ASA", "DA", "SA")
ENHETER: Final = (
    ("0219", "NAV Bærum"), ("0315", "NAV Grünerløkka"), ("0502", "NAV Gjøvik"), ("1001", "NAV Kristiansand"),
    ("1103", "NAV Stavanger"), ("1219", "NAV Bømlo"), ("1702", "NAV Steinkjer"), ("1902", "NAV Tromsø"),
)  # fmt: skip
STILLINGER: Final = (
    ("Butikkmedarbeider", 5223, 112), ("Lagermedarbeider", 4321, 338), ("Barnehageassistent", 5311, 25),
    ("Kjøkkenassistent", 9412, 291), ("Renholder", 9112, 512), ("Kontormedarbeider", 4110, 301),
)  # fmt: skip
MAALKATEGORIER: Final = (
    "Få jobb i bedriften", "Arbeidserfaring", "Utprøving", "Språkopplæring", "Oppnå fagbrev/kompetansebevis",
)  # fmt: skip
INKLUDERINGSUTGIFTER: Final = ("OPPLÆRING", "UTSTYR", "FORSTERKET_OPPFØLGING", "PROGRAMVARE")

# Free text is put together from these. It is what makes some messages more than twice as long as most.
SETNINGER: Final = (
    "Deltakeren skal få prøve ulike arbeidsoppgaver i bedriften og finne ut hva som passer best.",
    "Arbeidsgiver legger til rette for pauser og en rolig start på dagen.",
    "Fast oppfølgingssamtale annenhver uke, første gang etter fjorten dager.",
    "Målet er å øke stillingsprosenten gradvis utover i perioden.",
    "Opplæring i kassesystem, varepåfylling og kundebehandling gis av en erfaren kollega.",
    "Det er avtalt at veileder, arbeidsgiver og deltaker møtes når halve perioden er gått.",
    "Bedriften har god erfaring med å ta imot nye og ønsker å følge tett opp.",
    "Ved fravær gis det beskjed til nærmeste leder før klokken åtte.",
)
