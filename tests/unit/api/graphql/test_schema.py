"""The schema is the one that today's consumers use, and answers are graphql-core's."""

import json
from typing import Any

from flask.testing import FlaskClient
from graphql import (
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

from datadeling.api.graphql.rows import RowExecutor
from datadeling.api.graphql.schema import GRAPHQL_FELTER, schema

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


def test_the_schema_tells_what_the_contract_says(client: FlaskClient, token: dict[str, str]) -> None:
    """By way of the question that clients ask it."""
    body = {"query": get_introspection_query(input_value_deprecation=True, specified_by_url=True)}
    answer = client.post("/graphql", json=body, headers=token).json
    assert answer is not None
    told = build_client_schema(answer["data"])
    avtale = told.type_map["Avtale"]
    assert is_object_type(avtale)
    wanted = dict(each.split(": ") for each in _TYPE.split(","))
    assert {name: str(f.type) for name, f in avtale.fields.items()} == {
        name.strip(): type_.strip() for name, type_ in wanted.items()
    }
    assert all(field.description for field in avtale.fields.values())
    assert told.query_type is not None
    assert {
        name: ({arg: str(a.type) for arg, a in field.args.items()}, str(field.type))
        for name, field in told.query_type.fields.items()
    } == _QUERIES
    for name, values in _ENUMS.items():
        enum = told.type_map[name]
        assert is_enum_type(enum)
        assert list(enum.values) == values.split()
        if name == "AvtaleStatus":
            assert enum.values["AVBRUTT"].deprecation_reason


_names = st.sampled_from(["__typename", *(felt.json for felt in GRAPHQL_FELTER)])
_aliases = st.sampled_from(["", "a: ", "b: ", "avtaleNr: "])
_directives = st.sampled_from(["", " @skip(if: true)", " @include(if: $yes)", " @skip(if: $yes)"])
_fields = st.lists(st.builds("".join, st.tuples(_aliases, _names, _directives)), min_size=1, max_size=6)


@given(_fields, _fields, st.lists(st.booleans(), max_size=3))
def test_objects_are_those_that_graphql_core_would_make(
    fields: list[str], more: list[str], rows: list[bool]
) -> None:
    query = (
        f"query($yes: Boolean = true) {{ avtalerForPerson {{ ...on Avtale {{ {' '.join(fields)} }} ...f }} "
        f"avtale {{ ...f }} }} fragment f on Avtale {{ {' '.join(more)} }}"
    )
    told = [_row(number) if is_there else None for number, is_there in enumerate(rows)]
    resolvers: dict[str, Any] = dict.fromkeys(_QUERIES, lambda *_: told)
    resolvers["avtale"] = lambda *_: next(iter(told), None)
    ours = schema(resolvers)
    document = parse(query)
    if validate(ours, document):
        return  # one name for two fields
    plain = execute_sync(ours, document)
    assert plain.errors is None
    assert json.dumps(execute_sync(ours, document, executor_class=RowExecutor).data) == json.dumps(plain.data)


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
