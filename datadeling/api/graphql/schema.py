"""The types of the schema. `domain.felt` describes the fields; those that `Avtale` has are listed here."""

from collections.abc import Mapping

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
)

from datadeling.domain.felt import BY_NAME, ENUMS, Felt, Type

# Frozen: a new shared field is added to the REST API alone (adr/0018).
_NAMES = """
avtaleId avtaleNr deltakerFnr bedriftNr veilederNavIdent tiltakstype avtaleStatus versjon opphav startDato
sluttDato stillingprosent antallDagerPerUke stillingstype avtaleInngaatt godkjentAvDeltaker
godkjentAvArbeidsgiver godkjentAvVeileder godkjentAvBeslutter godkjentPaaVegneAv
godkjentPaaVegneAvArbeidsgiver godkjentAvNavIdent godkjentAvBeslutterNavIdent opprettetTidspunkt
endretTidspunkt endring_mottatt_tidspunkt
"""

GRAPHQL_FELTER: tuple[Felt, ...] = tuple(BY_NAME[name] for name in _NAMES.split())
"""The fields of the type `Avtale`."""

_SCALARS: Mapping[Type, GraphQLOutputType] = {
    Type.UUID: GraphQLID,
    Type.TEXT: GraphQLString,
    Type.INTEGER: GraphQLInt,
    Type.NUMBER: GraphQLFloat,
    Type.DATE: GraphQLScalarType("Date", description="Dato, yyyy-MM-dd."),
    Type.TIME: GraphQLScalarType(
        "DateTime", description="Tidspunkt med sone og millisekunder: 2023-01-16T11:05:40.946+01:00."
    ),
    Type.BOOLEAN: GraphQLBoolean,
}
_DEPRECATED = {"AVBRUTT": "Finnes bare i gamle avtaler."}


def _enum(column: str) -> GraphQLEnumType:
    values = {
        name: GraphQLEnumValue(name, deprecation_reason=_DEPRECATED.get(name)) for name in ENUMS[column]
    }
    return GraphQLEnumType("".join(word.capitalize() for word in column.split("_")), values)


ENUM_TYPES: Mapping[str, GraphQLEnumType] = {column: _enum(column) for column in ENUMS}
"""By column."""

AVTALE = GraphQLObjectType(
    "Avtale",
    {
        felt.json: GraphQLField(
            ENUM_TYPES.get(felt.column, _SCALARS[felt.type]),
            description=felt.meaning,
        )
        for felt in GRAPHQL_FELTER
    },
    description="En avtale om et arbeidsmarkedstiltak.",
)
