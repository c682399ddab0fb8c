"""Where the consumer stands on each partition, and how its offsets get a new meaning."""

from collections.abc import Mapping
from typing import NamedTuple

from datadeling.consumer.topic import Topic, Watermarks
from datadeling.db.database import Database
from datadeling.db.tables.operator import OffsetRow
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Place, Sletting
from datadeling.errors import BrokerUnavailable, NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.locking import lock_all
from datadeling.pipeline.partitioner import partition_of

COMMAND = "offsets new-generation"


class Standing(NamedTuple):
    """Where a partition stands; `watermarks` is None where the broker could not be asked, or has it not."""

    row: OffsetRow
    watermarks: Watermarks | None

    @property
    def lag(self) -> int | None:
        """How many messages have not been handled; holes of a compacted log count."""
        return max(0, self.watermarks.high - self.row.next_offset) if self.watermarks else None


class Raised(NamedTuple):
    """What a new generation begins with: its number, and the next offset of each partition.

    `from_beginning`: whether the topic is read again. `carried`: how many erasures by hand were repeated.
    """

    generation: int
    next_offsets: dict[int, int]
    from_beginning: bool
    carried: int


def standing(database: Database, name: str, topic: Topic | None) -> list[Standing]:
    """All partitions that have been read, in order. Asks the broker about each, if there is a `topic`."""
    with database.transaction() as tx:
        rows = tx.operator.offsets(name)
    return [Standing(row, _watermarks(topic, row.partition)) for row in rows]


def is_another_topic(database: Database, name: str, topic: Topic) -> bool:
    """Whether the broker's topic is not the one that the stored offsets belong to.

    Raise `NotFound` when nobody has said which they belong to, `BrokerUnavailable`.
    """
    with database.transaction() as tx:
        known = {row.topic_id for row in tx.operator.offsets(name)} - {None}
    if not known:
        raise NotFound("which topic the offsets belong to is unknown: --keep-offsets or --from-beginning?")
    return known != {topic.identity()}


def new_generation(
    database: Database,
    name: str,
    again: Topic | None,
    asked: OperatorAction,
    back_to: Mapping[int, int] | None = None,
) -> Raised:
    """Begin the next generation; the live consumer takes it up by itself.

    `again` is the topic to be read from its beginning; with None the offsets stay as they are (partitions
    were added), but for those of `back_to`: these partitions are read again from there. What was erased by
    hand stays erased: those markers move to the end of what is read again. Raise `NotFound` when nothing has
    been read yet, or not as far as `back_to` says, `BrokerUnavailable`; nothing has been written then.
    """
    highs: dict[int, Watermarks] = {}
    if again is not None:
        highs = {partition: again.watermarks(partition) for partition in again.partitions()}
    with database.transaction() as tx:
        before = lock_all(tx, name)
        _go_back(tx, name, before, back_to or {})
        lows = {p: highs[p].low if p in highs else 0 for p in before}
        tx.operator.raise_generation(name, None if again is None else lows)
        raised = tx.operator.offsets(name)
        generation = raised[0].generation
        ends = {p: marks.high for p, marks in highs.items()} or {p: r.next_offset for p, r in before.items()}
        erased = tx.operator.erased_by_hand() if highs or back_to else []
        tx.delete([Sletting(avtale_id, _end(avtale_id, generation, ends)) for avtale_id in erased])
        asked.keep(tx, COMMAND, name)
    asked.tell(COMMAND, name)
    next_offsets = {row.partition: row.next_offset for row in raised}
    return Raised(generation, next_offsets, again is not None, len(erased))


def _go_back(
    tx: Transaction, name: str, offsets: Mapping[int, OffsetRow], back_to: Mapping[int, int]
) -> None:
    for partition, offset in back_to.items():
        if partition not in offsets or offset > offsets[partition].next_offset:
            raise NotFound(f"partition {partition} has not been read as far as {offset}")
        tx.operator.go_back(name, partition, offset)


def _end(avtale_id: str, generation: int, ends: Mapping[int, int]) -> Place:
    """Before the first message that is not read again, on the partition that the avtale is on."""
    partition = partition_of(avtale_id.encode(), len(ends))
    return Place(generation, partition, ends[partition] - 1)


def _watermarks(topic: Topic | None, partition: int) -> Watermarks | None:
    if topic is None:
        return None
    try:
        return topic.watermarks(partition)
    except BrokerUnavailable:
        return None
