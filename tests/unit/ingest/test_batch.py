"""When a batch closes, and what is in it."""

import pytest

from datadeling.ingest.batch import Batch
from tests.hendelser import melding


def filled(count: int, *, size: int = 3, wait: float = 0.2, now: float = 10.0) -> Batch:
    batch = Batch(size, wait)
    batch.add([melding(offset=i, partition=i % 2) for i in range(count)], now)
    return batch


@pytest.mark.parametrize(
    ("count", "age", "ready"),
    [
        pytest.param(0, 99.0, False, id="never write nothing"),
        pytest.param(1, 0.1, False, id="neither full nor old"),
        pytest.param(3, 0.0, True, id="full"),
        pytest.param(4, 0.0, True, id="over full"),
        pytest.param(1, 0.2, True, id="old enough"),
    ],
)
def test_ready(count: int, age: float, ready: bool) -> None:
    assert filled(count, now=0.0).ready(age) is ready


def test_the_first_message_counts() -> None:
    batch = filled(1, now=10.0)
    batch.add([melding(offset=9)], 10.19)
    assert not batch.ready(10.19)
    assert batch.ready(10.2)


def test_patience_ends_when_the_batch_is_due() -> None:
    assert filled(0).patience(10.0) == 0.2
    assert filled(1).patience(10.15) == pytest.approx(0.05)
    assert filled(1).patience(11.0) == 0.0


def test_messages_of_lost_partitions_are_dropped() -> None:
    batch = filled(3)
    batch.drop({1})
    assert [m.offset for m in batch.messages] == [0, 2]
    assert batch.partitions == {0}
    batch.clear()
    assert batch.messages == ()
    assert batch.room == 3
