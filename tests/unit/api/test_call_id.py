"""Which call ids are taken over, and where they show up."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from datadeling.api.security.context import add_call

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
