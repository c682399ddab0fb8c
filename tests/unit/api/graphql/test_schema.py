"""The schema is the contract of today's consumers, and objects are completed as graphql-core does it."""

import json
from typing import Any

from flask.testing import FlaskClient
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    execute_sync,
    get_introspection_query,
    is_enum_type,
    is_object_type,
    parse,
    validate,
)
from hypothesis import given
from hypothesis import strategies as st

from datadeling.api.graphql.queries import RowExecutor
from datadeling.api.graphql.schema import GRAPHQL_FELTER, SCHEMA

_TYPE = """
avtaleId: ID, avtaleNr: Int, deltakerFnr: String, bedriftNr: String, veilederNavIdent: String,
tiltakstype: Tiltakstype, versjon: Int, avtaleStatus: AvtaleStatus, avtaleInngaatt: DateTime, startDato: Date,
sluttDato: Date, stillingprosent: Float, antallDagerPerUke: Float, godkjentAvDeltaker: DateTime,
godkjentAvArbeidsgiver: DateTime, godkjentAvVeileder: DateTime, godkjentAvBeslutter: DateTime,
godkjentPaaVegneAv: Boolean, godkjentPaaVegneAvArbeidsgiver: Boolean, stillingstype: Stillingstype,
godkjentAvNavIdent: String, godkjentAvBeslutterNavIdent: String, opprettetTidspunkt: DateTime,
endretTidspunkt: DateTime, endring_mottatt_tidspunkt: DateTime, opphav: Opphav
"""
_QUERIES = {
    "avtalerForPerson": ({"personnummer": "String"}, "[Avtale]!"),
    "avtalerForBedrift": ({"organisasjonsnummer": "String"}, "[Avtale]!"),
    "avtale": ({"avtaleId": "ID", "avtaleNr": "Int"}, "Avtale"),
    "avtalerForTiltakstype": ({"tiltakstype": "Tiltakstype"}, "[Avtale]!"),
    "avtalerForStatus": ({"status": "AvtaleStatus"}, "[Avtale]!"),
}
_ENUMS = {
    "AvtaleStatus": "ANNULLERT AVBRUTT PAABEGYNT MANGLER_GODKJENNING KLAR_FOR_OPPSTART GJENNOMFORES "
    "AVSLUTTET",
    "Tiltakstype": "ARBEIDSTRENING MIDLERTIDIG_LONNSTILSKUDD VARIG_LONNSTILSKUDD MENTOR INKLUDERINGSTILSKUDD "
    "SOMMERJOBB VTAO FIREARIG_LONNSTILSKUDD",
    "Opphav": "VEILEDER ARBEIDSGIVER ARENA",
    "Stillingstype": "FAST MIDLERTIDIG",
}


def test_introspection_returns_the_contract(client: FlaskClient, token: dict[str, str]) -> None:
    body = {"query": get_introspection_query(input_value_deprecation=True, specified_by_url=True)}
    answer = client.post("/graphql", json=body, headers=token).json
    assert answer is not None
    introspected = build_client_schema(answer["data"])
    avtale = introspected.type_map["Avtale"]
    assert is_object_type(avtale)
    wanted = dict(each.split(": ") for each in _TYPE.split(","))
    assert {name: str(f.type) for name, f in avtale.fields.items()} == {
        name.strip(): type_.strip() for name, type_ in wanted.items()
    }
    assert all(field.description for field in avtale.fields.values())
    assert introspected.query_type is not None
    assert {
        name: ({arg: str(a.type) for arg, a in field.args.items()}, str(field.type))
        for name, field in introspected.query_type.fields.items()
    } == _QUERIES
    for name, values in _ENUMS.items():
        enum = introspected.type_map[name]
        assert is_enum_type(enum)
        assert list(enum.values) == values.split()
        if name == "AvtaleStatus":
            assert enum.values["AVBRUTT"].deprecation_reason


_names = st.sampled_from(["__typename", *(felt.json for felt in GRAPHQL_FELTER)])
_aliases = st.sampled_from(["", "a: ", "b: ", "avtaleNr: "])
_directives = st.sampled_from(["", " @skip(if: true)", " @include(if: $yes)", " @skip(if: $yes)"])
_fields = st.lists(st.builds("".join, st.tuples(_aliases, _names, _directives)), min_size=1, max_size=6)


@given(_fields, _fields, st.lists(st.booleans(), max_size=3))
def test_objects_equal_those_of_graphql_core(fields: list[str], more: list[str], rows: list[bool]) -> None:
    query = (
        f"query($yes: Boolean = true) {{ avtalerForPerson {{ ...on Avtale {{ {' '.join(fields)} }} ...f }} "
        f"avtale {{ ...f }} }} fragment f on Avtale {{ {' '.join(more)} }}"
    )
    schema = _schema_over([_row(number) if is_there else None for number, is_there in enumerate(rows)])
    document = parse(query)
    if validate(schema, document):
        return  # one name for two fields
    expected = execute_sync(schema, document)
    assert expected.errors is None
    actual = execute_sync(schema, document, executor_class=RowExecutor)
    assert json.dumps(actual.data) == json.dumps(expected.data)


def _schema_over(rows: list[dict[str, object] | None]) -> GraphQLSchema:
    """Our schema, with resolvers that return these rows."""
    assert SCHEMA.query_type is not None
    results: dict[str, Any] = dict.fromkeys(_QUERIES, rows) | {"avtale": next(iter(rows), None)}
    fields = {
        name: GraphQLField(field.type, field.args, lambda _, info, **__: results[info.field_name])
        for name, field in SCHEMA.query_type.fields.items()
    }
    return GraphQLSchema(GraphQLObjectType("Query", fields))


def _row(number: int) -> dict[str, object]:
    """Values of the types that PostgreSQL gives."""
    kinds: dict[str, object] = {
        "uuid": f"id-{number}",
        "text": None if number else "x",
        "integer": number,
        "number": 0.5 + number,
        "date": "2026-01-01",
        "time": "2023-01-16T11:05:40.946+01:00",
        "boolean": number == 0,
    }
    enums = {"tiltakstype": "MENTOR", "avtaleStatus": "PAABEGYNT", "opphav": None, "stillingstype": "FAST"}
    return {felt.json: kinds[felt.type.value] for felt in GRAPHQL_FELTER} | enums
