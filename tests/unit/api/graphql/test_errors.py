"""Errors are formatted as graphql-java does, and repeat nothing."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from datadeling.errors import DatabaseBug, DatabaseUnavailable
from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"
_GOOD = '{ avtalerForPerson(personnummer: "15877512441") { avtaleId } }'


def _ask(client: FlaskClient, token: dict[str, str], query: object, **more: object) -> dict[str, Any]:
    response = client.post("/graphql", json={"query": query, **more}, headers=token)
    assert response.status_code == 200
    answer: dict[str, Any] = json.loads(response.data)
    assert _FNR not in response.text
    for error in answer.get("errors", []):
        assert error["message"]
        assert error.keys() <= {"message", "locations", "path", "extensions"}
        assert all(at.keys() == {"line", "column"} for at in error["locations"])
    return answer


@pytest.mark.parametrize(
    ("query", "variables", "classification"),
    [
        pytest.param("{", None, "InvalidSyntax", id="cut off"),
        pytest.param("", None, "InvalidSyntax", id="empty"),
        pytest.param(f"{{ {_FNR} }}", None, "InvalidSyntax", id="a number for a field"),
        pytest.param("{ ukjent }", None, "ValidationError", id="unknown field"),
        pytest.param(f"{{ _{_FNR} }}", None, "ValidationError", id="a number in a name"),
        pytest.param(
            f"{{ avtalerForPerson(personnummer: {_FNR}) {{ avtaleId }} }}",
            None,
            "ValidationError",
            id="a number for a text",
        ),
        pytest.param(
            f'{{ _{_FNR}: avtalerForPerson(personnummer: "1") {{ avtaleId }} }}',
            None,
            "ValidationError",
            id="a number for an alias",
        ),
        pytest.param(
            f"{{ avtale(avtaleNr: 1) {{ a{_FNR}0: avtaleId }} }}",
            None,
            "ValidationError",
            id="a number in the alias of a field",
        ),
        pytest.param(
            f'{{ avtale(avtaleNr: "{_FNR}") {{ avtaleId }} }}',
            None,
            "ValidationError",
            id="a text for a number",
        ),
        pytest.param(
            f"{{ avtalerForStatus(status: F{_FNR}) {{ avtaleId }} }}",
            None,
            "ValidationError",
            id="no such status",
        ),
        pytest.param("{ avtalerForPerson }", None, "ValidationError", id="no fields"),
        pytest.param("{ avtale { avtaleId { x } } }", None, "ValidationError", id="fields of a text"),
        pytest.param("mutation { x }", None, "ValidationError", id="a mutation"),
        pytest.param(
            "{ ...f } fragment f on Query { ...f }", None, "ValidationError", id="a fragment of itself"
        ),
        pytest.param(
            "query($f: String) { avtalerForPerson(personnummer: $f) { avtaleId } }",
            {"f": int(_FNR)},
            "ValidationError",
            id="a variable of another type",
        ),
        pytest.param(
            "query($f: String!) { avtalerForPerson(personnummer: $f) { avtaleId } }",
            {},
            "ValidationError",
            id="a variable is missing",
        ),
        pytest.param(
            f'{{ avtalerForPerson(personnummer: "{_FNR}0") {{ avtaleId }} }}',
            None,
            "BAD_REQUEST",
            id="no fnr",
        ),
        pytest.param("{ avtalerForPerson { avtaleId } }", None, "BAD_REQUEST", id="nobody"),
        pytest.param("{ avtalerForBedrift { avtaleId } }", None, "BAD_REQUEST", id="no employer"),
        pytest.param("{ avtalerForStatus { avtaleId } }", None, "BAD_REQUEST", id="no status"),
        pytest.param("{ avtalerForTiltakstype { avtaleId } }", None, "BAD_REQUEST", id="no type"),
        pytest.param("{ avtale { avtaleId } }", None, "BAD_REQUEST", id="no avtale"),
        pytest.param(f'{{ avtale(avtaleId: "{_FNR}") {{ avtaleId }} }}', None, "BAD_REQUEST", id="no id"),
    ],
)
def test_an_error_has_its_classification(
    query: str,
    variables: object,
    classification: str,
    client: FlaskClient,
    token: dict[str, str],
    lookups: FakeLookups,
) -> None:
    answer = _ask(client, token, query, variables=variables)
    assert {error["extensions"]["classification"] for error in answer["errors"]} == {classification}
    assert not any((answer.get("data") or {}).values())
    assert lookups.calls == []


def test_errors_repeat_names_of_the_schema_alone(client: FlaskClient, token: dict[str, str]) -> None:
    (error,) = _ask(client, token, "{ avtale(avtaleNr: 1) { hemmelig } }")["errors"]
    assert "'Avtale'" in error["message"]
    assert "hemmelig" not in error["message"]
    assert error["locations"] == [{"line": 1, "column": 25}]


@pytest.mark.parametrize(
    "error", [DatabaseUnavailable("no connection"), DatabaseBug("42P01", "x"), KeyError(_FNR)]
)
def test_our_own_trouble_is_internal(
    error: Exception, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = error
    with capture_logs() as logs:
        answer = _ask(client, token, _GOOD)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"classification": "INTERNAL_ERROR"}
    assert answer["errors"][0]["path"] == ["avtalerForPerson"]
    assert _FNR not in repr(logs)


@pytest.mark.parametrize(
    ("query", "name", "is_answered"),
    [
        ("query a { __typename } query b { __typename }", "b", True),
        ("query a { __typename } query b { __typename }", "c", False),
        ("query a { __typename } query b { __typename }", None, False),
        ("{ __typename }", "", True),
        ("query a { __typename }", None, True),
    ],
)
def test_the_operation_is_chosen_by_name(
    query: str, name: str | None, is_answered: bool, client: FlaskClient, token: dict[str, str]
) -> None:
    answer = _ask(client, token, query, operationName=name)
    assert answer == {"data": {"__typename": "Query"}} if is_answered else "data" not in answer


def _lookups(number: int, prefix: str = "a") -> str:
    return " ".join(f"{prefix}{n}: avtale(avtaleNr: 1) {{ avtaleId }}" for n in range(number))


@pytest.mark.parametrize(
    ("query", "is_answered"),
    [
        pytest.param(f"{{ {_lookups(20)} }}", True, id="just enough"),
        pytest.param(f"{{ {_lookups(21)} }}", False, id="too many lookups"),
        pytest.param(
            f"{{ ...a ...b }} fragment a on Query {{ {_lookups(11)} }} "
            f"fragment b on Query {{ {_lookups(11, 'b')} }}",
            False,
            id="too many by fragments",
        ),
        pytest.param(f"{{ avtale(avtaleNr: 1) {{ {'avtaleId ' * 3_000} }} }}", False, id="too long"),
        pytest.param(
            "{ __schema { " + "types { fields { type { " * 9 + "name" + " } } }" * 9 + " } }",
            False,
            id="too deep",
        ),
        pytest.param("{" * 5_000, False, id="far too deep"),
    ],
)
def test_a_query_that_is_too_complex_is_refused(
    query: str, is_answered: bool, client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = '[{"avtaleId": "x"}]'
    answer = _ask(client, token, query)
    assert ("errors" not in answer) is is_answered
    assert bool(lookups.calls) is is_answered


@pytest.mark.parametrize(
    ("body", "status", "kode"),
    [
        pytest.param({}, 400, "UGYLDIG_FORESPOERSEL", id="no query"),
        pytest.param({"query": 1}, 400, "UGYLDIG_FORESPOERSEL", id="query is no text"),
        pytest.param(
            {"query": "{ __typename }", "variables": []}, 400, "UGYLDIG_FORESPOERSEL", id="variables"
        ),
        pytest.param([{"query": "{ __typename }"}], 400, "UGYLDIG_FORESPOERSEL", id="several at once"),
    ],
)
def test_an_invalid_query_is_a_problem(
    body: object, status: int, kode: str, client: FlaskClient, token: dict[str, str]
) -> None:
    response = client.post("/graphql", json=body, headers=token)
    assert (response.status_code, response.json and response.json["kode"]) == (status, kode)


def test_without_a_token_it_is_401(client: FlaskClient) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}):
        assert client.post("/graphql", json={"query": "{ __typename }"}, headers=headers).status_code == 401


_names = st.sampled_from(["avtaleId", "avtale", "avtalerForPerson", "x", f"_{_FNR}", "QWXZ", "Avtale", "..."])
_values = st.sampled_from(["QWXZ", '"QWXZ"', _FNR, f'"{_FNR}"', "$QWXZ", "[1]", "{QWXZ: 1}", "null"])
_pieces = st.lists(
    st.one_of(_names, _values, st.sampled_from([*"{}():!$@", "query", "fragment", "on"])),
    min_size=1,
    max_size=15,
)


def test_nothing_that_was_sent_comes_back(client: FlaskClient, token: dict[str, str]) -> None:
    @given(_pieces, st.dictionaries(st.just("QWXZ"), st.sampled_from([_FNR, int(_FNR), None, "QWXZ"])))
    def check(pieces: list[str], variables: dict[str, object]) -> None:
        response = client.post(
            "/graphql", json={"query": " ".join(pieces), "variables": variables}, headers=token
        )
        assert response.status_code == 200
        assert _FNR not in response.text
        assert "QWXZ" not in "".join(
            error["message"] for error in json.loads(response.data).get("errors", [])
        )

    check()
