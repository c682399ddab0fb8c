"""What an operator sees of a parked message holds nothing that could point out a person."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.operations.masking import readable, show_key, show_value
from tests.hendelser import FNR, avtale_id, encoded, hendelse

PERSONAL = (FNR, "Kåre", "Z123456", "å bli ferdig")


def shown(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(show_value(encoded(hendelse(1, **fields))))
    return found


def test_open_fields_stand_and_personal_ones_are_hidden() -> None:
    text = show_value(encoded(hendelse(1)))
    assert not any(personal in text for personal in PERSONAL)
    assert '"tiltakstype": "ARBEIDSTRENING"' in text
    assert '"sistEndret": "2022-02-04T08:46:39.573884Z"' in text
    assert '"startDato": "2022-02-01"' in text
    assert '"stillingprosent": 50.5' in text
    assert avtale_id(1) in text


@pytest.mark.parametrize(
    ("felt", "value"),
    [
        pytest.param("tiltakstype", FNR, id="a number where an enum stands"),
        pytest.param("opphav", "Kåre Nordmann", id="a name where an enum stands"),
        pytest.param("avtaleNr", int(FNR.replace("0", "1", 1)), id="a long number where a short one stands"),
        pytest.param("startDato", "2022-02-01 Kåre", id="a name after a date"),
        pytest.param("bedriftNr", FNR, id="eleven digits for an employer"),
        pytest.param("avtaleNr", int(f"9{FNR}"), id="a number that holds one of a person"),
        pytest.param("stillingprosent", float(f"0.9{FNR}"), id="decimals that hold one"),
        pytest.param("avtaleId", f"{FNR}-{FNR}-{FNR}-", id="as long as an id"),
        pytest.param("sistEndret", f"2022-02-01T{FNR}Z", id="a date before it"),
        pytest.param("sistEndret", f"2022-02-01T{FNR[:8]}.", id="no time"),
        pytest.param("sistEndret", {"deltaker": "Kåre"}, id="an object where a time stands"),
    ],
)
def test_a_value_that_does_not_look_like_its_field_is_hidden(felt: str, value: Any) -> None:
    assert str(value) not in json.dumps(shown(**{felt: value}), ensure_ascii=False)
    assert "Kåre" not in json.dumps(shown(**{felt: value}), ensure_ascii=False)


@pytest.mark.parametrize(
    ("felt", "value"),
    [
        ("sistEndret", "2022-02-04T08:46Z"),
        ("sistEndret", "2022-02-04T08:46:39.573884123Z"),
        ("opprettetTidspunkt", "2022-01-18T08:43:01"),
        ("avtaleNr", 9_999_999_999),
        ("stillingprosent", 62.125),
    ],
)
def test_a_value_that_looks_like_its_field_stands(felt: str, value: Any) -> None:
    assert shown(**{felt: value})[felt] == value


def test_an_invalid_field_name_is_hidden() -> None:
    assert json.loads(show_value(b'{"01890100150": 1, "Kari Nordmann": 2}')) == {"***": "***"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b'{"avtaleNr": 12, "navn": "Kari', '{"avtaleNr": 00, "xxxx": "xxxx', id="cut off"),
        pytest.param(b'{"opphav": "K\xff1"}', '{"opphav": "x\\xff0"}', id="not UTF-8"),
        pytest.param(b"Kari\x00", "xxxx\\x00", id="NUL"),
        pytest.param(b'["\\u0000\\ud800\\u004b"', '["\\u0000\\ud800\\x000x"', id="escapes"),
        pytest.param(b"", "", id="empty"),
    ],
)
def test_text_that_is_not_json_keeps_its_shape(value: bytes, text: str) -> None:
    assert show_value(value) == text


def test_nesting_beyond_reason_is_shown_as_text() -> None:
    assert show_value(b"[" * 100_000) == "[" * 100_000


def test_a_key_is_shown_when_it_is_an_avtale_id() -> None:
    assert show_key(avtale_id(7).encode()) == avtale_id(7)
    assert show_key(FNR.encode()) == "0" * len(FNR)
    assert show_key(None) == "none"


def test_control_characters_never_reach_a_terminal() -> None:
    assert readable(b"a\x1b[31m\r\n\xff") == "a\\x1b[31m\\r\n\\xff"


@given(st.binary(max_size=60), st.sampled_from([FNR.encode(), "Kåre".encode()]), st.binary(max_size=60))
def test_nothing_personal_is_shown_wherever_it_stands(before: bytes, personal: bytes, after: bytes) -> None:
    assert personal.decode() not in show_value(before + personal + after)
    assert personal.decode() not in show_key(before + personal + after)
    json_text = json.dumps({"felt": personal.decode(), "tiltakstype": personal.decode()}).encode()
    assert personal.decode() not in show_value(json_text)
