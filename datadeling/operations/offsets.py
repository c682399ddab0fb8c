"""Positions of the consumer on each partition, and new generations of offsets."""

from collections.abc import Mapping
from typing import NamedTuple

from datadeling.consumer.topic import Topic, Watermarks
from datadeling.db.database import Database
from datadeling.db.rows import OffsetRow
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Place, Sletting
from datadeling.errors import BrokerUnavailable, NotFound
from datadeling.operations.action import OperatorAction
from datadeling.pipeline.partitioner import partition_of

COMMAND = "offsets new-generation"


class PartitionPosition(NamedTuple):
    """Position on a partition; `watermarks` is None when the broker is unavailable or lacks the partition."""

    row: OffsetRow
    watermarks: Watermarks | None

    @property
    def lag(self) -> int | None:
        """Messages that have not been handled; holes of a compacted log count."""
        return max(0, self.watermarks.high - self.row.next_offset) if self.watermarks else None


class NewGeneration(NamedTuple):
    """Number of a new generation, and the next offset of each partition.

    `from_beginning`: whether the topic is read again. `carried`: manual erasures that were repeated.
    """

    generation: int
    next_offsets: dict[int, int]
    from_beginning: bool
    carried: int


def list_positions(database: Database, name: str, topic: Topic | None) -> list[PartitionPosition]:
    """Return the position on every partition that has been read, in order. `topic` adds the watermarks."""
    with database.transaction() as tx:
        rows = tx.rows(OffsetRow, "list_offsets", topic=name)
    return [PartitionPosition(row, _watermarks(topic, row.partition)) for row in rows]


def is_another_topic(database: Database, name: str, topic: Topic) -> bool:
    """Return True when the broker's topic is not the one that the stored offsets belong to.

    Raise `NotFound` when it is unknown which topic they belong to, `BrokerUnavailable`.
    """
    with database.transaction() as tx:
        known = {row.topic_id for row in tx.rows(OffsetRow, "list_offsets", topic=name)} - {None}
    if not known:
        raise NotFound("which topic the offsets belong to is unknown: --keep-offsets or --from-beginning?")
    return known != {topic.identity()}


def new_generation(
    database: Database,
    name: str,
    again: Topic | None,
    action: OperatorAction,
    back_to: Mapping[int, int] | None = None,
) -> NewGeneration:
    """Begin the next generation; the live consumer takes it up by itself.

    `again` is the topic to read from its beginning; with None the offsets stay as they are (partitions were
    added), except for the partitions in `back_to`, which are read again from that offset. Erased avtaler stay
    erased: their markers move to the end of what is read again. Raise `NotFound` when nothing has been read
    yet, or not as far as `back_to`, and `BrokerUnavailable`; nothing is written then.
    """
    highs: dict[int, Watermarks] = {}
    if again is not None:
        highs = {partition: again.watermarks(partition) for partition in again.partitions()}
    with database.transaction() as tx:
        before = lock_all(tx, name)
        _go_back(tx, name, before, back_to or {})
        lows = {p: highs[p].low if p in highs else 0 for p in before}
        tx.raise_generation(name, None if again is None else lows)
        raised = tx.rows(OffsetRow, "list_offsets", topic=name)
        generation = raised[0].generation
        ends = {p: marks.high for p, marks in highs.items()} or {p: r.next_offset for p, r in before.items()}
        erased = tx.rows(str, "erased_by_hand") if highs or back_to else []
        tx.delete([Sletting(avtale_id, _end(avtale_id, generation, ends)) for avtale_id in erased])
        action.record(tx, COMMAND, name)
    action.log(COMMAND, name)
    next_offsets = {row.partition: row.next_offset for row in raised}
    return NewGeneration(generation, next_offsets, again is not None, len(erased))


def lock_all(tx: Transaction, topic: str) -> dict[int, OffsetRow]:
    """Lock every partition until the transaction ends, and return the positions; nobody else writes avtaler.

    Blocks up to `lock_timeout` for each. Raise `NotFound` when nothing has been read of the topic.
    """
    for row in tx.rows(OffsetRow, "list_offsets", topic=topic):
        tx.lock_partition(topic, row.partition)
    # Read again: positions may have moved before the locks were held.
    offsets = {row.partition: row for row in tx.rows(OffsetRow, "list_offsets", topic=topic)}
    if not offsets:
        raise NotFound("nothing has been read of this topic yet")
    return offsets


def _go_back(
    tx: Transaction, name: str, offsets: Mapping[int, OffsetRow], back_to: Mapping[int, int]
) -> None:
    for partition, offset in back_to.items():
        if partition not in offsets or offset > offsets[partition].next_offset:
            raise NotFound(f"partition {partition} has not been read as far as {offset}")
        for statement in ("shorten_generations", "move_offset"):
            tx.run(statement, topic=name, partition=partition, next_offset=offset)


def _end(avtale_id: str, generation: int, ends: Mapping[int, int]) -> Place:
    """Return the place before the first message that is not read again, on the avtale's partition."""
    partition = partition_of(avtale_id.encode(), len(ends))
    return Place(generation, partition, ends[partition] - 1)


def _watermarks(topic: Topic | None, partition: int) -> Watermarks | None:
    if topic is None:
        return None
    try:
        return topic.watermarks(partition)
    except BrokerUnavailable:
        return None
