"""The context of a call: the ids that are accepted, and the header with the purposes."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datadeling.api.headers import add_call
from tests.unit.api.conftest import FakeLookups

_DIGITS = "5f9a6f0c-2a3c-4f0e-9f5e-a12345678901"
_LONGEST = "aZ09_.:-" * 8


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"Nav-Call-Id": "a"}, "a", id="shortest"),
        pytest.param({"Nav-Call-Id": _LONGEST}, _LONGEST, id="longest, every character"),
        pytest.param({"Nav-CallId": "b"}, "b", id="another spelling"),
        pytest.param({"X-Correlation-Id": "c"}, "c", id="another name"),
        pytest.param({"X-Correlation-Id": "c", "Nav-CallId": "b", "Nav-Call-Id": "a"}, "a", id="order"),
        pytest.param({"Nav-Call-Id": "a b", "Nav-CallId": "b"}, "b", id="first that can be used"),
        pytest.param({"Nav-Call-Id": _DIGITS}, _DIGITS, id="a UUID with eleven digits in a row"),
        pytest.param({"Nav-Call-Id": "1764892800123"}, "1764892800123", id="a time in milliseconds"),
        pytest.param({"Nav-Call-Id": "158775-1236"}, "158775-1236", id="fewer digits, in two parts"),
        pytest.param({"Nav-Call-Id": "1" * 12}, "1" * 12, id="more digits than an identity number has"),
    ],
)
def test_a_well_formed_id_is_kept(headers: dict[str, str], expected: str, client: FlaskClient) -> None:
    response = client.get("/", headers=headers)
    assert response.headers["Nav-Call-Id"] == expected
    assert response.json is not None
    assert response.json["traceId"] == expected


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="empty"),
        pytest.param(_LONGEST + "x", id="too long"),
        pytest.param("a b", id="a space"),
        pytest.param("ø", id="a letter of ours"),
        pytest.param("a\tb", id="a tab"),
        pytest.param('{"a":1}', id="JSON"),
        pytest.param("١٢٣", id="other digits"),
        pytest.param("15877512360", id="an identity number"),
        pytest.param("sak-15877512360.1", id="an identity number in the middle"),
        pytest.param("a15877512360b", id="an identity number among letters"),
        pytest.param("158775-12360", id="an identity number with a hyphen in it"),
        pytest.param("158775.12360", id="an identity number with a point in it"),
    ],
)
def test_any_other_id_is_replaced(given: str, client: FlaskClient) -> None:
    made = {client.get("/", headers={"Nav-Call-Id": given}).headers["Nav-Call-Id"] for _ in range(2)}
    assert len(made) == 2
    assert all(len(call_id) == 36 for call_id in made)


def test_the_id_is_in_every_log_line_of_the_call_and_of_no_other(app: Flask) -> None:
    seen: list[object] = []

    @app.get("/x")
    def _() -> str:
        seen.append(add_call(None, "info", {"event": "x"}))
        return ""

    app.test_client().get("/x", headers={"Nav-Call-Id": "abc"})
    assert seen == [{"call_id": "abc", "event": "x"}]
    assert add_call(None, "info", {"event": "y"}) == {"event": "y"}


_FNR = "15877512360"
_MAX_PURPOSES = 200

NUMBERS = st.lists(st.from_regex(r"\A[Bb][0-9]{3}\Z"), min_size=1, max_size=20)
SPACE = st.text(" \t", max_size=2)
# What a header can hold: latin-1 without control characters.
ANYTHING = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_categories=["Cc"]), max_size=40)
NEARLY = st.text("Bb0123456789,  .;", max_size=24)


def look_up(client: FlaskClient, token: dict[str, str], header: str | None) -> tuple[int, str | None, str]:
    headers = {**token, "Behandlingsnummer": header}
    given = {name: value for name, value in headers.items() if value is not None}
    response = client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR}, headers=given)
    return response.status_code, (response.json or {}).get("kode"), response.text


def oracle(header: str) -> tuple[str, ...] | None:
    """Letter by letter, in place of a pattern."""
    found = []
    for part in header.split(","):
        number = part.strip(" \t\n\r\f\v")
        if len(number) != 4 or number[0] not in "Bb" or any(c not in "0123456789" for c in number[1:]):
            return None
        if number.upper() not in found:
            found.append(number.upper())
    return tuple(found) if len(header) <= _MAX_PURPOSES else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=NUMBERS, data=st.data())
def test_any_list_of_numbers_is_read(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, numbers: list[str], data: st.DataObject
) -> None:
    lookups.contexts.clear()
    header = ",".join(f"{data.draw(SPACE)}{number}{data.draw(SPACE)}" for number in numbers)
    assert look_up(client, token, header)[0] == 200
    assert [context.behandlingsnummer for context in lookups.contexts] == [
        tuple(dict.fromkeys(number.upper() for number in numbers))
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(header=ANYTHING | NEARLY)
@example(header="B123,")
@example(header=",B123")
@example(header="B123,,B124")
@example(header="B123 B124")
@example(header="B123;B124")
@example(header="B1234")
@example(header="B12")
@example(header="BB123")
@example(header="123")
@example(header="B²34")
@example(header=_FNR)
@example(header=", ".join(["B123"] * 34))
def test_any_other_header_is_400_and_not_repeated(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, header: str
) -> None:
    lookups.contexts.clear()
    status, kode, text = look_up(client, token, header)
    expected = oracle(header)
    if expected is not None:
        assert (status, [context.behandlingsnummer for context in lookups.contexts]) == (
            200,
            [expected],
        )
        return
    missing = not header.strip()
    assert (status, kode) == (400, f"{'MANGLER' if missing else 'UGYLDIG'}_BEHANDLINGSNUMMER")
    assert lookups.contexts == []
    with_another = look_up(client, token, "x" * len(header))[2] if header else text
    # Nothing but the id of the call differs from what another header gets.
    assert missing or without_trace(text) == without_trace(with_another)


def without_trace(text: str) -> str:
    return text.partition('"traceId"')[0]


@pytest.mark.parametrize("header", [None, "", " ", "\t"])
def test_without_a_purpose_it_is_400(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, header: str | None
) -> None:
    status, kode, _ = look_up(client, token, header)
    assert (status, kode) == (400, "MANGLER_BEHANDLINGSNUMMER")
    assert lookups.contexts == []


@pytest.mark.parametrize(
    ("token_header", "purpose"), [(None, None), (None, "B123"), ("Bearer x", None)], ids=str
)
def test_the_token_is_checked_first(
    client: FlaskClient, token_header: str | None, purpose: str | None
) -> None:
    headers = {"Authorization": token_header} if token_header else {}
    status, kode, _ = look_up(client, headers, purpose)
    assert (status, kode) == (401, "UGYLDIG_TOKEN")
