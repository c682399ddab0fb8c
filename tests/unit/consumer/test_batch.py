"""The moment when a batch is ready, and its contents."""

import pytest

from datadeling.consumer.batch import Batch
from datadeling.domain.hendelse import Place, Sletting
from tests.hendelser import melding, record, tombstone


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


def test_a_batch_of_all_waiting_messages_is_ready_at_once() -> None:
    assert filled(1, now=0.0).ready(0.0, is_all=True)
    assert not filled(0).ready(99.0, is_all=True)


@pytest.mark.parametrize(
    ("values", "ready"),
    [
        pytest.param([b"x" * 999], False, id="not yet"),
        pytest.param([b"x" * 1_000], True, id="one large message"),
        pytest.param([b"x" * 500, None, b"x" * 500], True, id="together"),
        pytest.param([b"x" * 5_000], True, id="larger than a batch may be"),
    ],
)
def test_a_batch_is_full_by_bytes(values: list[bytes | None], ready: bool) -> None:
    batch = Batch(1_000, 0.2, most_bytes=1_000)
    for offset, value in enumerate(values):
        batch.add([record(offset, b"key", value)], 0.0)
    assert batch.ready(0.0) is ready
    assert (batch.room == 0) is ready


def test_bytes_are_counted_again_after_a_loss_or_a_write() -> None:
    batch = Batch(1_000, 0.2, most_bytes=1_000)
    batch.add([record(0, b"key", b"x" * 600), record(0, b"key", b"x" * 600, partition=1)], 0.0)
    batch.keep({0})
    assert not batch.ready(0.0)
    batch.add([record(1, b"key", b"x" * 400)], 0.0)
    assert batch.ready(0.0)
    batch.clear()
    batch.add([record(2, b"key", b"x" * 999)], 0.0)
    assert not batch.ready(0.0)


def test_few_messages_are_fetched_at_once_and_fewer_large_ones() -> None:
    batch = Batch(100_000, 0.2, most_bytes=1_000_000)
    assert batch.room == 1  # its size is unknown
    batch.add([melding()], 0.0)
    assert batch.room == 100
    batch.add([record(1, b"key", b"x" * 200_000)], 0.0)
    assert batch.room == 4
    batch.add([tombstone(1, offset=2)], 0.0)
    assert batch.room == 100
    batch.add([], 0.0)
    assert batch.room == 100
    assert Batch(3, 0.2).room == 3


def test_a_ready_batch_has_room_for_more() -> None:
    batch = Batch(3, 0.2, spare=2)
    for offset in range(3):
        batch.add([melding(offset=offset)], 0.0)
    assert batch.ready(0.0)
    assert batch.room == 2
    batch.add([melding(offset=3), melding(offset=4)], 0.0)
    assert batch.room == 0


def test_results_of_reading_stay_with_their_messages() -> None:
    batch = Batch(10, 0.2)
    messages = [melding(offset=offset, partition=offset % 2) for offset in range(4)]
    results = [Sletting("", Place(0, message.partition, message.offset)) for message in messages]
    batch.add(messages[:3], 0.0, results[:3])
    batch.add(messages[3:], 0.0, results[3:])
    batch.keep({1})
    assert [message.offset for message in batch.messages] == [1, 3]
    assert batch.decoded == [results[1], results[3]]
    batch.clear()
    assert batch.decoded == []


def test_the_first_message_counts() -> None:
    batch = filled(1, now=10.0)
    batch.add([melding(offset=9)], 10.19)
    assert not batch.ready(10.19)
    assert batch.ready(10.2)


def test_the_time_left_ends_when_the_batch_is_due() -> None:
    assert filled(0).time_left(10.0) == 0.2
    assert filled(1).time_left(10.15) == pytest.approx(0.05)
    assert filled(1).time_left(11.0) == 0.0


def test_messages_of_other_partitions_are_dropped() -> None:
    batch = filled(3)
    batch.keep({0, 7})
    assert [m.offset for m in batch.messages] == [0, 2]
    batch.clear()
    assert batch.messages == []
    assert batch.room == 3
