"""The schema. It is frozen: a new shared field is added to the REST API alone (adr/0018)."""

from collections.abc import Mapping

from graphql import build_schema

from datadeling.domain.felt import BY_NAME, ENUMS, Felt, Type

_NAMES = """
avtaleId avtaleNr deltakerFnr bedriftNr veilederNavIdent tiltakstype avtaleStatus versjon opphav startDato
sluttDato stillingprosent antallDagerPerUke stillingstype avtaleInngaatt godkjentAvDeltaker
godkjentAvArbeidsgiver godkjentAvVeileder godkjentAvBeslutter godkjentPaaVegneAv
godkjentPaaVegneAvArbeidsgiver godkjentAvNavIdent godkjentAvBeslutterNavIdent opprettetTidspunkt
endretTidspunkt endring_mottatt_tidspunkt
"""

GRAPHQL_FELTER: tuple[Felt, ...] = tuple(BY_NAME[name] for name in _NAMES.split())
"""The fields of the type `Avtale`, which `domain.felt` describes."""

_SCALARS: Mapping[Type, str] = {
    Type.UUID: "ID", Type.TEXT: "String", Type.INTEGER: "Int", Type.NUMBER: "Float", Type.DATE: "Date",
    Type.TIME: "DateTime", Type.BOOLEAN: "Boolean",
}  # fmt: skip
_ENUM_NAMES = {column: "".join(word.capitalize() for word in column.split("_")) for column in ENUMS}


def _field(felt: Felt) -> str:
    return f'"{felt.meaning}" {felt.json}: {_ENUM_NAMES.get(felt.column, _SCALARS[felt.type])}'


def _enum(column: str) -> str:
    values = " ".join(ENUMS[column])
    return f"enum {_ENUM_NAMES[column]} {{ {values} }}".replace(
        "AVBRUTT", 'AVBRUTT @deprecated(reason: "Finnes bare i gamle avtaler.")'
    )


SCHEMA = build_schema(f"""
type Query {{
  "Avtalene til en person." avtalerForPerson(personnummer: String): [Avtale]!
  "Avtalene hos en bedrift." avtalerForBedrift(organisasjonsnummer: String): [Avtale]!
  "Én avtale." avtale(avtaleId: ID, avtaleNr: Int): Avtale
  "Avtalene av en type; krever rollen bulk." avtalerForTiltakstype(tiltakstype: Tiltakstype): [Avtale]!
  "Avtalene med en status; krever rollen bulk." avtalerForStatus(status: AvtaleStatus): [Avtale]!
}}
"En avtale om et arbeidsmarkedstiltak."
type Avtale {{
  {" ".join(map(_field, GRAPHQL_FELTER))}
}}
"Dato, yyyy-MM-dd."
scalar Date
"Tidspunkt med sone og millisekunder: 2023-01-16T11:05:40.946+01:00."
scalar DateTime
{" ".join(map(_enum, ENUMS))}
""")
