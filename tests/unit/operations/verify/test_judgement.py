"""What a difference between a row and the topic is called. Each case stands at a border of the rule."""

import pytest

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Position
from datadeling.operations.verify.summary import FAULTS, MEANINGS, Category, Summary
from datadeling.pipeline.message import Message
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, avtale_id, melding, record, tombstone

EARLIER, LATER = "2022-01-01T00:00:00Z", "2022-03-04T08:46:39Z"
LIVE = 10
ENDED = {0: [(1, 4)]}  # of the partition 0 the generation 1 ended at 4, 2 goes on


def row(offset: int, *, generation: int = 2, partition: int = 0, **fields: object) -> Avtale:
    found = read(melding(1, offset=offset, partition=partition, **fields), generation, EPOCH)
    assert isinstance(found, Avtale)
    return found


def judged(stored: Avtale, *log: Message, low: int = 0, marker: int | None = None) -> Category:
    positions = {0: Position(2, LIVE), 1: Position(2, LIVE)}
    markers = [] if marker is None else [(avtale_id(1), Place(2, 0, marker))]
    summary = Summary(positions, ENDED, markers)
    for message in log:
        summary.take(message)
    summary.lows = {0: low, 1: 0}
    return summary.judge(stored)


def bad(offset: int) -> Message:
    return record(offset, avtale_id(1).encode(), b"{")


def test_the_same_message_is_compared_column_by_column() -> None:
    assert judged(row(5), melding(1, offset=5)) == "equal"
    assert judged(row(5, opphav="ARENA"), melding(1, offset=5)) == "different"
    assert judged(row(3, generation=1), melding(1, offset=3)) == "equal"


def test_which_of_two_messages_is_newer_decides() -> None:
    assert judged(row(5), melding(1, offset=6)) == "different"
    assert judged(row(7), melding(1, offset=6, sistEndret=LATER)) == "different"
    assert judged(row(5), melding(1, offset=6, sistEndret=EARLIER)) == "topic_older"


def test_a_row_that_a_tombstone_should_have_taken_is_wrong_however_new() -> None:
    log = [tombstone(1, offset=5), melding(1, offset=6, sistEndret=EARLIER)]
    assert judged(row(5), *log) == "different"
    assert judged(row(4), *log[1:], marker=4) == "different"


@pytest.mark.parametrize(
    ("stored", "log"),
    [
        pytest.param(row(10), [melding(1, offset=5)], id="where the consumer had not come"),
        pytest.param(row(0, generation=3), [melding(1, offset=5)], id="in a new generation"),
        pytest.param(row(0, partition=5), [], id="on a partition that nobody has begun"),
        pytest.param(row(5), [melding(1, offset=6), tombstone(1, offset=10)], id="more is coming"),
    ],
)
def test_a_message_about_to_be_handled_is_no_fault(stored: Avtale, log: list[Message]) -> None:
    assert judged(stored, *log) == "in_flight"


def test_the_last_that_was_handled_is_not_in_flight() -> None:
    assert judged(row(9), melding(1, offset=9), tombstone(2, offset=10)) == "equal"


def test_without_any_message_a_row_is_surplus() -> None:
    assert judged(row(5)) == "surplus"
    assert judged(row(5), tombstone(1, offset=5)) == "surplus"
    assert judged(row(5), tombstone(1, offset=4)) == "surplus"
    assert judged(row(5), marker=7) == "surplus"


def test_a_newer_message_that_cannot_be_read_explains_the_row() -> None:
    assert judged(row(5), bad(6)) == "parked"
    assert judged(row(5), bad(4)) == "surplus"
    assert judged(row(5), bad(6), tombstone(1, offset=7)) == "surplus"
    assert judged(row(5), tombstone(1, offset=6), bad(7)) == "surplus"


@pytest.mark.parametrize(
    ("stored", "low", "category"),
    [
        pytest.param(row(5), 6, "beyond_log", id="before the log"),
        pytest.param(row(6), 6, "surplus", id="its first"),
        pytest.param(row(5, partition=1), 6, "surplus", id="another partition"),
        pytest.param(row(3, generation=1), 4, "beyond_log", id="an earlier generation whose offsets go on"),
        pytest.param(row(3, generation=1), 3, "surplus", id="within it"),
        pytest.param(row(90, generation=0), 0, "surplus", id="offsets mean nothing, nothing was dropped"),
        pytest.param(row(90, generation=0), 1, "beyond_log", id="offsets mean nothing, something was"),
    ],
)
def test_a_row_older_than_the_log_is_beyond_it(stored: Avtale, low: int, category: Category) -> None:
    assert judged(stored, low=low) == category
    assert judged(stored, tombstone(1, offset=9), low=low) == "surplus"


def test_a_row_on_a_former_partition_is_surplus_only_with_a_complete_log() -> None:
    positions = {0: Position(2, LIVE), 3: Position(2, 0)}
    summary = Summary(positions, {})
    for low, category in ((0, "surplus"), (1, "beyond_log")):
        summary.lows = {0: low}
        assert summary.judge(row(5, generation=1, partition=3)) == category


def test_every_fault_is_explained() -> None:
    assert set(FAULTS) < set(MEANINGS)
