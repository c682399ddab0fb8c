"""The header that says for which purposes somebody asks."""

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"
_LONGEST = 200

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
    return tuple(found) if len(header) <= _LONGEST else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=NUMBERS, data=st.data())
def test_any_list_of_numbers_is_read(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, numbers: list[str], data: st.DataObject
) -> None:
    lookups.askers.clear()
    header = ",".join(f"{data.draw(SPACE)}{number}{data.draw(SPACE)}" for number in numbers)
    assert look_up(client, token, header)[0] == 200
    assert [context.behandlingsnummer for context in lookups.askers] == [
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
def test_what_is_no_such_list_is_400_and_not_repeated(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, header: str
) -> None:
    lookups.askers.clear()
    status, kode, text = look_up(client, token, header)
    expected = oracle(header)
    if expected is not None:
        assert (status, [context.behandlingsnummer for context in lookups.askers]) == (
            200,
            [expected],
        )
        return
    missing = not header.strip()
    assert (status, kode) == (400, f"{'MANGLER' if missing else 'UGYLDIG'}_BEHANDLINGSNUMMER")
    assert lookups.askers == []
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
    assert lookups.askers == []


@pytest.mark.parametrize(
    ("token_header", "purpose"), [(None, None), (None, "B123"), ("Bearer x", None)], ids=str
)
def test_who_it_is_comes_first(client: FlaskClient, token_header: str | None, purpose: str | None) -> None:
    headers = {"Authorization": token_header} if token_header else {}
    status, kode, _ = look_up(client, headers, purpose)
    assert (status, kode) == (401, "UGYLDIG_TOKEN")
