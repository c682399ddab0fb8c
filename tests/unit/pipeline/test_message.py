"""The avtaleIds that a message reveals without being read."""

import pytest

from datadeling.domain.hendelse import Place
from datadeling.pipeline.message import Unreadable, avtaler_named, generation_at
from tests.hendelser import EPOCH, avtale_id

A, B = avtale_id(1), "abcdef01-0000-4000-8000-abcdef012345"


def named(key: bytes | None, value: bytes | None) -> set[str]:
    return avtaler_named(Unreadable(Place(0, 0, 0), EPOCH, key, value, "reason", "text"))


def test_every_avtale_that_is_named_is_found() -> None:
    assert named(None, None) == set()
    assert named(b"\xff", A[:-1].encode()) == set()
    assert named(A.encode(), b'\xff{"avtaleId":"' + B.encode() + b'"') == {A, B}
    assert named(None, b"aa" + B.encode() + b"-0000-4000-8000-000000000000") == {
        B,
        "ef012345-0000-4000-8000-000000000000",
    }


@pytest.mark.parametrize(
    ("partition", "offset", "generation"),
    [
        pytest.param(0, 0, 0, id="the first"),
        pytest.param(0, 9, 0, id="its last"),
        pytest.param(0, 10, 2, id="the first beyond it"),
        pytest.param(0, 20, 5, id="beyond the last that ended"),
        pytest.param(1, 0, 5, id="a partition on which none has ended"),
    ],
)
def test_a_message_keeps_the_generation_that_it_was_read_in(
    partition: int, offset: int, generation: int
) -> None:
    assert generation_at(partition, offset, 5, {0: [(0, 10), (2, 20)]}) == generation
