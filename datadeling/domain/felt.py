"""The shared fields, described once: column, type, meaning, and known values.

The types of COPY, the answers over REST, the OpenAPI document and the BigQuery views are made from this
list. `tests/unit/domain/test_shared_fields.py` names the places that a new field is missing from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Type(Enum):
    """The kind of value that a field holds."""

    UUID = "uuid"
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    BOOLEAN = "boolean"


@dataclass(frozen=True, eq=False)  # compared and hashed by identity: lists of them are cache keys
class Felt:
    """One shared field. `meaning` is in Norwegian: consumers read it.

    `is_ident` marks one that identifies the participant, or somebody who works in NAV. `known` are the values
    that the producer is known to send; it adds to them without warning. `name` is the name in JSON where that
    is not the column's in camelCase.
    """

    column: str
    type: Type
    meaning: str
    is_ident: bool = False
    nullable: bool = True
    known: tuple[str, ...] = ()
    name: str | None = None

    @cached_property
    def json(self) -> str:
        """Return the name in JSON."""
        return self.name or camel_case(self.column)

    @property
    def description(self) -> str:
        """Return the meaning and the known values, as consumers read it."""
        return f"{self.meaning} Kjente verdier: {', '.join(self.known)}." if self.known else self.meaning


def camel_case(name: str) -> str:
    """Return `snake_case` as `snakeCase`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


# fmt: off
FELTER: tuple[Felt, ...] = (
    Felt("avtale_id", Type.UUID, "Avtalens id.", nullable=False),
    Felt("avtale_nr", Type.INTEGER, "Avtalens nummer; mangler for gamle utkast."),
    Felt("deltaker_fnr", Type.TEXT, "Deltakerens identitetsnummer.", is_ident=True),
    Felt("bedrift_nr", Type.TEXT, "Arbeidsgiverens virksomhetsnummer."),
    Felt("veileder_nav_ident", Type.TEXT, "Veilederens NAV-ident.", is_ident=True),
    Felt("tiltakstype", Type.TEXT, "Hva slags tiltak; nye verdier kan komme.", nullable=False, known=(
         "ARBEIDSTRENING", "MIDLERTIDIG_LONNSTILSKUDD", "VARIG_LONNSTILSKUDD", "MENTOR",
         "INKLUDERINGSTILSKUDD", "SOMMERJOBB", "VTAO", "FIREARIG_LONNSTILSKUDD")),
    Felt("avtale_status", Type.TEXT, "Status da siste hendelse ble sendt; nye verdier kan komme. "
         "Bruk datoene for hva som gjelder i dag.", nullable=False, known=(
         "ANNULLERT", "AVBRUTT", "PÅBEGYNT", "MANGLER_GODKJENNING", "KLAR_FOR_OPPSTART",
         "GJENNOMFØRES", "AVSLUTTET")),
    Felt("versjon", Type.INTEGER, "Avtalens versjon, fra 1.", nullable=False),
    Felt("opphav", Type.TEXT, "Hvem som opprettet avtalen; nye verdier kan komme.",
         known=("VEILEDER", "ARBEIDSGIVER", "ARENA")),
    Felt("start_dato", Type.DATE, "Første dag."),
    Felt("slutt_dato", Type.DATE, "Siste dag; mangler når avtalen er åpen."),
    Felt("stillingprosent", Type.NUMBER,
         "Deltakerens stillingsprosent; deles ikke for MENTOR, der tallet er mentorens."),
    Felt("antall_dager_per_uke", Type.NUMBER, "Dager per uke."),
    Felt("stillingstype", Type.TEXT, "Slags stilling; nye verdier kan komme.", known=("FAST", "MIDLERTIDIG")),
    Felt("avtale_inngaatt", Type.TIME, "Da alle hadde godkjent."),
    Felt("godkjent_av_deltaker", Type.TIME, "Da deltakeren godkjente."),
    Felt("godkjent_av_arbeidsgiver", Type.TIME, "Da arbeidsgiveren godkjente."),
    Felt("godkjent_av_veileder", Type.TIME, "Da veilederen godkjente."),
    Felt("godkjent_av_beslutter", Type.TIME, "Da beslutteren godkjente."),
    Felt("godkjent_paa_vegne_av", Type.BOOLEAN, "Om veilederen godkjente på vegne av deltakeren.",
         nullable=False),
    Felt("godkjent_paa_vegne_av_arbeidsgiver", Type.BOOLEAN,
         "Om veilederen godkjente på vegne av arbeidsgiveren.", nullable=False),
    Felt("godkjent_av_nav_ident", Type.TEXT, "NAV-identen til den som godkjente.", is_ident=True),
    Felt("godkjent_av_beslutter_nav_ident", Type.TEXT, "NAV-identen til beslutteren.", is_ident=True),
    Felt("annullert_tidspunkt", Type.TIME, "Da avtalen ble annullert."),
    Felt("feilregistrert", Type.BOOLEAN, "Om avtalen ble registrert ved en feil.", nullable=False),
    Felt("opprettet_tidspunkt", Type.TIME, "Da avtalen ble opprettet.", nullable=False),
    Felt("endret_tidspunkt", Type.TIME, "Da avtalen sist ble endret.", nullable=False),
)
# fmt: on

VARIGHET_DAGER = Felt(
    "varighet_dager",
    Type.INTEGER,
    "Dager fra og med start til og med slutt; til og med dagen det spørres om når tiltaket er åpent. "
    "Mangler når det er åpent og ikke har begynt.",
)
"""Not stored: `tiltaksstatus` computes it from the dates."""

MOTTATT_TIDSPUNKT = Felt(
    "mottatt_tidspunkt", Type.TIME, "Da denne versjonen ble lagret her.", nullable=False,
    name="endring_mottatt_tidspunkt",
)  # fmt: skip
"""Shared over GraphQL and in BigQuery alone, and spelt as today's consumers have it."""

BY_NAME: dict[str, Felt] = {felt.json: felt for felt in (*FELTER, VARIGHET_DAGER, MOTTATT_TIDSPUNKT)}
"""Every field that a consumer can request, by its name in JSON."""

_ASCII = str.maketrans({"Å": "AA", "Ø": "O"})
ENUMS: Mapping[str, Mapping[str, str]] = {
    felt.column: {value.translate(_ASCII): value for value in felt.known} for felt in FELTER if felt.known
}
"""The known values of each column that has some, by their names in GraphQL."""
