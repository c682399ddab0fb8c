"""The decoder of pgoutput in the tests, checked with bytes that PostgreSQL 18 has written.

The table is `CREATE TABLE t (id integer PRIMARY KEY, n numeric(9,4), long text)`.
"""

from contextlib import suppress
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pgoutput import (
    Begin,
    Column,
    Commit,
    Delete,
    Insert,
    Malformed,
    Message,
    Relation,
    Truncate,
    Unchanged,
    Update,
    decode,
)

_T = 16384
_LONG = "x" * 3_000
_COLUMNS = "006e00000006a400090008006c6f6e670000000019ffffffff"  # the second and the third

# What was done, the bytes, and what they say.
RECORDED: list[tuple[str, str, Message]] = [
    ("begin", "4200000000017196b8000303e8f99d8ff1000002f3", Begin(755)),
    (
        "relation",
        "52000040007075626c69630074006400030169640000000017ffffffff" + _COLUMNS,
        Relation(
            _T,
            "public",
            "t",
            "d",
            (Column("id", True, 23, -1), Column("n", False, 1700, 589_832), Column("long", False, 25, -1)),
        ),
    ),
    (
        "insert 1, 50.5, null",
        "49000040004e0003740000000131740000000735302e353030306e",
        Insert(_T, ("1", "50.5000", None)),
    ),
    (
        "update of long to 3,000 characters",
        "55000040004e0003740000000131740000000735302e353030307400000bb8" + "78" * 3_000,
        Update(_T, None, ("1", "50.5000", _LONG)),
    ),
    ("commit", "430000000000017196b800000000017196e8000303e8f99d8ff1", Commit()),
    (
        "update of the key; long unchanged",
        "55000040004b00037400000001316e6e4e0003740000000132740000000735302e3530303075",
        Update(_T, ("1", None, None), ("2", "50.5000", Unchanged.UNCHANGED)),
    ),
    ("delete", "44000040004b00037400000001326e6e", Delete(_T, ("2", None, None))),
    ("truncate", "54000000010000004000", Truncate((_T,))),
]
STREAM = b"".join(bytes.fromhex(written) + b"\n" for _, written, _ in RECORDED)


@pytest.mark.parametrize(
    ("written", "message"),
    [pytest.param(written, message, id=change) for change, written, message in RECORDED],
)
def test_a_recorded_message_is_decoded(written: str, message: Message) -> None:
    assert list(decode(bytes.fromhex(written))) == [message]


def test_a_stream_of_messages_is_decoded_in_order() -> None:
    assert list(decode(STREAM, end=b"\n")) == [message for _, _, message in RECORDED]
    assert list(decode(b"")) == []


@given(st.integers(0, len(STREAM) - 1))
def test_a_truncated_stream_is_malformed(length: int) -> None:
    ends = accumulate((len(written) // 2 + 1 for _, written, _ in RECORDED), initial=0)
    if length in ends:
        list(decode(STREAM[:length], end=b"\n"))
    else:
        with pytest.raises(Malformed):
            list(decode(STREAM[:length], end=b"\n"))


@given(st.binary(max_size=60))
def test_random_bytes_are_decoded_or_malformed(stream: bytes) -> None:
    with suppress(Malformed):
        list(decode(stream))


@pytest.mark.parametrize("stream", [b"X", b"\xff", STREAM + b"?"])
def test_an_unknown_message_is_malformed(stream: bytes) -> None:
    with pytest.raises(Malformed):
        list(decode(stream, end=b"\n"))
