"""What a message tells of avtaler without being read."""

from datadeling.domain.hendelse import Place
from datadeling.pipeline.message import Unreadable, avtaler_named
from tests.hendelser import EPOCH, avtale_id

A, B = avtale_id(1), "abcdef01-0000-4000-8000-abcdef012345"


def named(key: bytes | None, value: bytes | None) -> set[str]:
    return avtaler_named(Unreadable(Place(0, 0, 0), key, value, EPOCH, "reason", "text"))


def test_every_avtale_that_is_named_is_found() -> None:
    assert named(None, None) == set()
    assert named(b"\xff", A[:-1].encode()) == set()
    assert named(A.encode(), b'\xff{"avtaleId":"' + B.encode() + b'"') == {A, B}
    assert named(None, b"aa" + B.encode() + b"-0000-4000-8000-000000000000") == {
        B,
        "ef012345-0000-4000-8000-000000000000",
    }
