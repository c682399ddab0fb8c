"""Messages that `decode` accepts or refuses, so that no later step can fail on a value."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place
from datadeling.errors import UgyldigHendelse
from datadeling.pipeline.decode import decode
from datadeling.pipeline.transform import transform
from tests.hendelser import EPOCH, FNR, avtale_id, encoded, hendelse

KEY = avtale_id(1).encode()


def reading(key: bytes | None, value: bytes) -> Avtale:
    """Return the version that a message carries, or raise what parks it."""
    return transform(decode(key, value), Place(0, 0, 0), EPOCH, EPOCH)


REQUIRED = ("avtaleId", "sistEndret", "opprettetTidspunkt", "versjon", "tiltakstype", "avtaleStatus")


def with_fields(**fields: Any) -> bytes:
    return encoded(hendelse(**fields))


def with_raw(name: str, raw: bytes) -> bytes:
    """Return a message in which one field has this raw value."""
    return encoded(hendelse()).removesuffix(b"}") + b', "' + name.encode() + b'": ' + raw + b"}"


def test_a_whole_message() -> None:
    h = reading(KEY, with_fields(opphav="ARENA", annullertTidspunkt="2022-05-05T05:05:05Z"))
    assert h.avtale_id == avtale_id(1)
    assert h.deltaker_fnr == FNR
    assert h.stillingprosent == Decimal("50.5")
    assert h.antall_dager_per_uke == Decimal(3)
    assert h.avtale_inngaatt is not None
    assert h.avtale_inngaatt.isoformat() == "2022-01-20T11:00:00.123456+00:00"
    assert h.opphav == "ARENA"
    assert h.slutt_dato is not None


def test_only_the_required_fields() -> None:
    h = reading(KEY, encoded({name: hendelse()[name] for name in REQUIRED}))
    assert h.avtale_nr is None
    assert h.feilregistrert is False
    assert h.start_dato is None


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("how", ["missing", "null"])
def test_a_required_field_is_required(name: str, how: str) -> None:
    fields = hendelse()
    if how == "missing":
        del fields[name]
    else:
        fields[name] = None
    with pytest.raises(UgyldigHendelse) as error:
        reading(KEY, encoded(fields))
    assert name in str(error.value)


@pytest.mark.parametrize("name", sorted(set(hendelse()) - set(REQUIRED)))
def test_everything_else_may_be_null(name: str) -> None:
    reading(KEY, with_fields(**{name: None}))


def test_new_fields_and_new_enum_values_pass() -> None:
    h = reading(KEY, with_fields(tiltakstype="HELT_NYTT", avtaleStatus="ØDELAGT", nyttFelt={"a": [1]}))
    assert (h.tiltakstype, h.avtale_status) == ("HELT_NYTT", "ØDELAGT")


def test_the_last_of_a_repeated_key_wins() -> None:
    assert reading(KEY, with_raw("versjon", b"7")).versjon == 7


def test_the_share_of_a_mentor_is_no_concern_of_ours() -> None:
    assert reading(KEY, with_fields(tiltakstype="MENTOR", stillingprosent=33.33333)).stillingprosent is None


def test_a_nul_in_a_field_that_we_do_not_keep_is_no_concern_of_ours() -> None:
    reading(KEY, with_raw("deltakerFornavn", b'"K\\u0000re"'))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(b"", "malformed_json", id="empty"),
        pytest.param(b"null", "invalid_field", id="null"),
        pytest.param(b"[]", "invalid_field", id="a list"),
        pytest.param(b"{} {}", "invalid_field", id="two objects"),
        pytest.param(encoded(hendelse()) + b"{}", "malformed_json", id="something behind"),
        pytest.param(encoded(hendelse())[:-9], "malformed_json", id="cut off"),
        pytest.param(with_raw("nytt", b"[" * 100_000 + b"]" * 100_000), "too_deep", id="nested"),
        pytest.param(with_raw("nytt", b'"\xff"'), "not_utf8", id="not UTF-8 in a skipped field"),
        pytest.param(with_raw("bedriftNr", b'"\xc3\x28"'), "not_utf8", id="not UTF-8 in a kept field"),
        pytest.param(with_raw("bedriftNr", b'"\\ud800 xxxxxxxx"'), "malformed_json", id="lone surrogate"),
        pytest.param(with_raw("bedriftNr", b'"1\\u00002"'), "nul_in_text", id="NUL escape in a kept field"),
        pytest.param(with_raw("nytt", b'"1\x002"'), "malformed_json", id="NUL byte"),
        pytest.param(
            with_raw("bedriftNr", b'"' + b"1" * 601 + b'"'), "invalid_field", id="too long to index"
        ),
        pytest.param(with_raw("opphav", b'"' + b"1" * 1001 + b'"'), "invalid_field", id="too long"),
        pytest.param(with_raw("bedriftNr", b"999999999"), "invalid_field", id="number for text"),
        pytest.param(with_raw("avtaleNr", b"2147483648"), "invalid_field", id="beyond int4"),
        pytest.param(with_raw("avtaleNr", b"-2147483649"), "invalid_field", id="below int4"),
        pytest.param(with_raw("avtaleNr", b"1.5"), "invalid_field", id="not whole"),
        pytest.param(with_raw("versjon", b"true"), "invalid_field", id="boolean for a number"),
        pytest.param(with_raw("feilregistrert", b'"nei"'), "invalid_field", id="text for a boolean"),
        pytest.param(with_raw("stillingprosent", b"NaN"), "malformed_json", id="NaN"),
        pytest.param(with_raw("stillingprosent", b"Infinity"), "malformed_json", id="Infinity"),
        pytest.param(
            with_raw("stillingprosent", b'"Infinity"'), "number_out_of_range", id="Infinity as text"
        ),
        pytest.param(with_raw("stillingprosent", b"1e400"), "number_out_of_range", id="1e400"),
        pytest.param(with_raw("stillingprosent", b"1e999999999"), "number_out_of_range", id="1e999999999"),
        pytest.param(with_raw("stillingprosent", b"100000"), "number_out_of_range", id="six digits"),
        pytest.param(with_raw("stillingprosent", b"0.00001"), "number_out_of_range", id="five decimals"),
        pytest.param(with_raw("stillingprosent", b"1e-400"), "number_out_of_range", id="next to nothing"),
        pytest.param(with_raw("startDato", b'"2022-02-30"'), "invalid_time", id="no such day"),
        pytest.param(with_raw("sluttDato", b'"+99999-01-01"'), "invalid_time", id="day out of range"),
        pytest.param(with_raw("sistEndret", b"1643964399"), "invalid_field", id="a number for a time"),
        pytest.param(with_raw("avtaleId", b'"1234"'), "invalid_field", id="no UUID"),
        pytest.param(with_raw("avtaleId", f'"{avtale_id(2)}"'.encode()), "key_mismatch", id="another avtale"),
    ],
)
def test_an_invalid_message_is_refused(value: bytes, reason: str) -> None:
    with pytest.raises(UgyldigHendelse) as error:
        reading(KEY, value)
    assert error.value.reason == reason


@pytest.mark.parametrize("number", ["99999.9999", "-99999.9999", "50.00000000", "5e1", "0", "0.0001", "1E+2"])
def test_numbers_are_kept_exactly(number: str) -> None:
    assert reading(KEY, with_raw("stillingprosent", number.encode())).stillingprosent == Decimal(number)


@pytest.mark.parametrize("key", [None, b"", b"x", avtale_id(2).encode(), KEY.upper() + b" "])
def test_the_key_must_be_the_avtale_id(key: bytes | None) -> None:
    with pytest.raises(UgyldigHendelse) as error:
        reading(key, with_fields())
    assert error.value.reason == "key_mismatch"


SECRET = "hemmelig-81"
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.just(SECRET)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(sorted(hendelse())), anything, max_size=4))
def test_any_json_is_read_or_refused_without_its_values(fields: dict[str, Any]) -> None:
    try:
        reading(KEY, encoded(hendelse() | fields))
    except UgyldigHendelse as error:
        assert SECRET not in str(error)  # noqa: PT017


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    with pytest.raises(UgyldigHendelse):
        reading(KEY, value)


@given(st.integers(0, len(encoded(hendelse())) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_message_is_read_or_refused(at: int, noise: bytes) -> None:
    whole = encoded(hendelse())
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    with suppress(UgyldigHendelse):
        json.dumps(reading(KEY, damaged)._asdict(), default=str).encode()
