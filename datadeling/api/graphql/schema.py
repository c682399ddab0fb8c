"""The schema: queries, and the type `Avtale` made from the description of the shared fields."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)

from datadeling.domain.felt import FELTER, MOTTATT_TIDSPUNKT, Felt, Type
from datadeling.domain.verdier import ENUMS

Info = GraphQLResolveInfo[Any]
Resolver = Callable[..., Any]

# What today's type has: without what today's service does not tell.
GRAPHQL_FELTER: tuple[Felt, ...] = (
    *(felt for felt in FELTER if felt.column not in {"annullert_tidspunkt", "feilregistrert"}),
    MOTTATT_TIDSPUNKT,
)
"""The fields of the type `Avtale`."""

BY_NAME: Mapping[str, Felt] = {felt.json: felt for felt in GRAPHQL_FELTER}

DATE = GraphQLScalarType("Date", description="Dato, yyyy-MM-dd.")
DATE_TIME = GraphQLScalarType(
    "DateTime", description="Tidspunkt med sone og millisekunder: 2023-01-16T11:05:40.946+01:00."
)
_SCALARS: Mapping[Type, GraphQLOutputType] = {
    Type.UUID: GraphQLID,
    Type.TEXT: GraphQLString,
    Type.INTEGER: GraphQLInt,
    Type.NUMBER: GraphQLFloat,
    Type.DATE: DATE,
    Type.TIME: DATE_TIME,
    Type.BOOLEAN: GraphQLBoolean,
}
_DEPRECATED = {"AVBRUTT": "Finnes bare i gamle avtaler."}


def _enum(column: str) -> GraphQLEnumType:
    values = {
        name: GraphQLEnumValue(name, deprecation_reason=_DEPRECATED.get(name)) for name in ENUMS[column]
    }
    return GraphQLEnumType("".join(word.capitalize() for word in column.split("_")), values)


_ENUMS = {column: _enum(column) for column in ENUMS}

AVTALE = GraphQLObjectType(
    "Avtale",
    {
        felt.json: GraphQLField(
            _ENUMS.get(felt.column, _SCALARS[felt.type]),
            description=felt.meaning,
        )
        for felt in GRAPHQL_FELTER
    },
    description="En avtale om et arbeidsmarkedstiltak.",
)

_AVTALER = GraphQLNonNull(GraphQLList(AVTALE))


def schema(resolvers: Mapping[str, Resolver]) -> GraphQLSchema:
    """The schema, with what answers each of its queries."""

    def query(name: str, description: str, answer: GraphQLOutputType, **arguments: Any) -> GraphQLField:  # noqa: ANN401
        args = {each: GraphQLArgument(type_) for each, type_ in arguments.items()}
        return GraphQLField(answer, args, resolvers[name], description=description)

    queries = {
        "avtalerForPerson": query(
            "avtalerForPerson", "Avtalene til en person.", _AVTALER, personnummer=GraphQLString
        ),
        "avtalerForBedrift": query(
            "avtalerForBedrift", "Avtalene hos en bedrift.", _AVTALER, organisasjonsnummer=GraphQLString
        ),
        "avtale": query("avtale", "Én avtale.", AVTALE, avtaleId=GraphQLID, avtaleNr=GraphQLInt),
        "avtalerForTiltakstype": query(
            "avtalerForTiltakstype",
            "Avtalene av en type; krever rollen bulk.",
            _AVTALER,
            tiltakstype=_ENUMS["tiltakstype"],
        ),
        "avtalerForStatus": query(
            "avtalerForStatus",
            "Avtalene med en status; krever rollen bulk.",
            _AVTALER,
            status=_ENUMS["avtale_status"],
        ),
    }
    return GraphQLSchema(GraphQLObjectType("Query", queries))
