"""The shared fields, described once: column, name in JSON, what it means, how sensitive it is.

What consumers see is made from this list: the columns of an answer, the OpenAPI schema, the GraphQL schema,
the BigQuery views. A test holds it to the columns of `Avtale`.
"""

from dataclasses import dataclass
from enum import Enum

from datadeling.domain import verdier


class Type(Enum):
    """What kind of value a field holds."""

    UUID = "uuid"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    BOOLEAN = "boolean"


class Sensitivity(Enum):
    """Whom a field can point out."""

    OPEN = "open"
    PERSON = "person"  # the participant
    EMPLOYEE = "employee"  # somebody who works in NAV


@dataclass(frozen=True, slots=True, eq=False)  # each is one of its kind: lists of them are looked up by it
class Felt:
    """One shared field. `meaning` is in Norwegian: consumers read it.

    `known` are the values that the producer is known to send; it adds to them without warning.
    """

    column: str
    json: str
    type: Type
    meaning: str
    sensitivity: Sensitivity = Sensitivity.OPEN
    nullable: bool = True
    known: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What a consumer is told of it."""
        return f"{self.meaning} Kjente verdier: {', '.join(self.known)}." if self.known else self.meaning


FELTER: tuple[Felt, ...] = (
    Felt("avtale_id", "avtaleId", Type.UUID, "Avtalens id.", nullable=False),
    Felt("avtale_nr", "avtaleNr", Type.INTEGER, "Avtalens nummer; mangler for gamle utkast."),
    Felt("deltaker_fnr", "deltakerFnr", Type.TEXT, "Deltakerens identitetsnummer.", Sensitivity.PERSON),
    Felt("bedrift_nr", "bedriftNr", Type.TEXT, "Arbeidsgiverens virksomhetsnummer."),
    Felt("veileder_nav_ident", "veilederNavIdent", Type.TEXT, "Veilederens NAV-ident.", Sensitivity.EMPLOYEE),
    Felt(
        "tiltakstype",
        "tiltakstype",
        Type.TEXT,
        "Hva slags tiltak; nye verdier kan komme.",
        nullable=False,
        known=tuple(verdier.TILTAKSTYPE.values()),
    ),
    Felt(
        "avtale_status",
        "avtaleStatus",
        Type.TEXT,
        "Status da siste hendelse ble sendt; nye verdier kan komme. Bruk datoene for hva som gjelder i dag.",
        nullable=False,
        known=tuple(verdier.AVTALE_STATUS.values()),
    ),
    Felt("versjon", "versjon", Type.INTEGER, "Avtalens versjon, fra 1.", nullable=False),
    Felt(
        "opphav",
        "opphav",
        Type.TEXT,
        "Hvem som opprettet avtalen; nye verdier kan komme.",
        known=tuple(verdier.OPPHAV.values()),
    ),
    Felt("start_dato", "startDato", Type.DATE, "Første dag."),
    Felt("slutt_dato", "sluttDato", Type.DATE, "Siste dag; mangler når avtalen er åpen."),
    Felt(
        "stillingprosent",
        "stillingprosent",
        Type.NUMBER,
        "Deltakerens stillingsprosent; deles ikke for MENTOR, der tallet er mentorens.",
    ),
    Felt("antall_dager_per_uke", "antallDagerPerUke", Type.NUMBER, "Dager per uke."),
    Felt(
        "stillingstype",
        "stillingstype",
        Type.TEXT,
        "Slags stilling; nye verdier kan komme.",
        known=tuple(verdier.STILLINGSTYPE.values()),
    ),
    Felt("avtale_inngaatt", "avtaleInngaatt", Type.TIME, "Da alle hadde godkjent."),
    Felt("godkjent_av_deltaker", "godkjentAvDeltaker", Type.TIME, "Da deltakeren godkjente."),
    Felt("godkjent_av_arbeidsgiver", "godkjentAvArbeidsgiver", Type.TIME, "Da arbeidsgiveren godkjente."),
    Felt("godkjent_av_veileder", "godkjentAvVeileder", Type.TIME, "Da veilederen godkjente."),
    Felt("godkjent_av_beslutter", "godkjentAvBeslutter", Type.TIME, "Da beslutteren godkjente."),
    Felt(
        "godkjent_paa_vegne_av",
        "godkjentPaaVegneAv",
        Type.BOOLEAN,
        "Om veilederen godkjente på vegne av deltakeren.",
        nullable=False,
    ),
    Felt(
        "godkjent_paa_vegne_av_arbeidsgiver",
        "godkjentPaaVegneAvArbeidsgiver",
        Type.BOOLEAN,
        "Om veilederen godkjente på vegne av arbeidsgiveren.",
        nullable=False,
    ),
    Felt(
        "godkjent_av_nav_ident",
        "godkjentAvNavIdent",
        Type.TEXT,
        "NAV-identen til den som godkjente.",
        Sensitivity.EMPLOYEE,
    ),
    Felt(
        "godkjent_av_beslutter_nav_ident",
        "godkjentAvBeslutterNavIdent",
        Type.TEXT,
        "NAV-identen til beslutteren.",
        Sensitivity.EMPLOYEE,
    ),
    Felt("annullert_tidspunkt", "annullertTidspunkt", Type.TIME, "Da avtalen ble annullert."),
    Felt(
        "feilregistrert",
        "feilregistrert",
        Type.BOOLEAN,
        "Om avtalen ble registrert ved en feil.",
        nullable=False,
    ),
    Felt("opprettet_tidspunkt", "opprettetTidspunkt", Type.TIME, "Da avtalen ble opprettet.", nullable=False),
    Felt("endret_tidspunkt", "endretTidspunkt", Type.TIME, "Da avtalen sist ble endret.", nullable=False),
)

VARIGHET_DAGER = Felt(
    "varighet_dager",
    "varighetDager",
    Type.INTEGER,
    "Dager fra og med start til og med slutt; til og med dagen det spørres om når tiltaket er åpent. "
    "Mangler når det er åpent og ikke har begynt.",
)
"""Not stored: `tiltaksstatus` works it out from the dates."""

MOTTATT_TIDSPUNKT = Felt(
    "mottatt_tidspunkt",
    "endring_mottatt_tidspunkt",
    Type.TIME,
    "Da denne versjonen ble lagret her.",
    nullable=False,
)
"""Told over GraphQL alone, and spelt as today's consumers have it."""

BY_NAME: dict[str, Felt] = {felt.json: felt for felt in (*FELTER, VARIGHET_DAGER, MOTTATT_TIDSPUNKT)}
"""Every field that a consumer can ask for, by its name in JSON."""
