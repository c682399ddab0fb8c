"""Positions of the consumer on each partition, and new generations of offsets."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Place, Position, Sletting
from datadeling.errors import BrokerUnavailable, NotFound
from datadeling.operations.action import OperatorAction
from datadeling.pipeline.partitioner import partition_of


class NewGeneration(NamedTuple):
    """Number of a new generation, and the next offset of each partition.

    `from_beginning`: whether the topic is read again. `carried`: manual erasures that were repeated.
    """

    generation: int
    next_offsets: dict[int, int]
    from_beginning: bool
    carried: int


def list_positions(database: Database, name: str, topic: Topic | None) -> list[dict[str, Any]]:
    """Return the position on every partition that has been read, in order, with `low`, `high` and `lag`.

    These three are None without a `topic`, and when the broker is unavailable or lacks the partition. The lag
    counts messages that have not been handled, and the holes of a compacted log.
    """
    with database.transaction() as tx:
        positions = tx.dicts("list_offsets", topic=name)
    for position in positions:
        low = high = lag = None
        if topic is not None:
            with suppress(BrokerUnavailable):
                low, high = topic.watermarks(position["partition"])
                lag = max(0, high - position["next_offset"])
        position |= {"low": low, "high": high, "lag": lag}
    return positions


def is_another_topic(database: Database, name: str, topic: Topic) -> bool:
    """Return True when the broker's topic is not the one that the stored offsets belong to.

    Raise `NotFound` when it is unknown which topic they belong to, `BrokerUnavailable`.
    """
    with database.transaction() as tx:
        known = {row["topic_id"] for row in tx.dicts("list_offsets", topic=name)} - {None}
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
    marks = {} if again is None else {p: again.watermarks(p) for p in again.partitions()}
    with action.transaction(database, "offsets new-generation", name) as tx:
        before = lock_all(tx, name)
        for partition, offset in (back_to or {}).items():
            if partition not in before or offset > before[partition].next_offset:
                raise NotFound(f"partition {partition} has not been read as far as {offset}")
            for statement in ("shorten_generations", "move_offset"):
                tx.run(statement, topic=name, partition=partition, next_offset=offset)
        lows = None if again is None else {p: marks[p].low if p in marks else 0 for p in before}
        tx.raise_generation(name, lows)
        next_offsets = {p: at.next_offset for p, at in sorted(tx.positions(name).items())}
        generation = 1 + max(at.generation for at in before.values())
        ends = {p: m.high for p, m in marks.items()} or {p: at.next_offset for p, at in before.items()}
        # Their markers move to before the first message that is not read again.
        erased = tx.rows(str, "erased_by_hand") if marks or back_to else []
        homes = {avtale_id: partition_of(avtale_id.encode(), len(ends)) for avtale_id in erased}
        tx.delete([Sletting(id_, Place(generation, home, ends[home] - 1)) for id_, home in homes.items()])
    return NewGeneration(generation, next_offsets, again is not None, len(erased))


def lock_all(tx: Transaction, topic: str) -> dict[int, Position]:
    """Lock every partition until the transaction ends, and return the positions; nobody else writes avtaler.

    Blocks up to `lock_timeout` for each. Raise `NotFound` when nothing has been read of the topic.
    """
    for partition in sorted(tx.positions(topic)):
        tx.lock_partition(topic, partition)
    positions = tx.positions(topic)  # again: they may have moved before the locks were held
    if not positions:
        raise NotFound("nothing has been read of this topic yet")
    return positions
