"""Write messages to the tables: rows, history, markers, failed messages and offsets in one transaction.

`fold_stored` and `write_changes` are the end of every write path; `Store` is the live consumer's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction, place_arrays
from datadeling.domain.hendelse import Position
from datadeling.errors import LostPartition, UnstorableRow
from datadeling.pipeline.fold import Changes, Outcome, fold
from datadeling.pipeline.message import Decoded, Message, Unreadable, avtale_ids
from datadeling.pipeline.transform import read

FAILED_STATES = ("new", "resolved", "superseded", "discarded")
"""The states of a parked message."""

Run = Sequence[tuple[Message, Decoded]]
"""Messages in the order of the log, each with the result of reading it."""


def fold_stored(tx: Transaction, messages: Sequence[Decoded], *, is_replay: bool = False) -> Changes:
    """Return the changes that these messages make. The partitions' locks must be held."""
    ids = avtale_ids(messages)
    stored, markers = tx.avtaler(ids), tx.markers(ids)
    changes = fold(messages, stored, markers)
    if (unsure := changes.unsure(is_replay=is_replay)) and (history := tx.history(unsure)):
        changes = fold(messages, stored, markers, history)
    return changes


def write_changes(tx: Transaction, topic: str, changes: Changes) -> None:
    """Write the result of `fold_stored`, in the same transaction."""
    if changes.deletions:
        deletions = list(changes.deletions.values())
        tx.delete(deletions)
        tx.delete_failed(topic, deletions)
    if changes.new:
        tx.insert(changes.new)
    if changes.changed:
        tx.update(changes.changed)
    if changes.history:
        tx.insert_history(changes.history)
    if changes.parked:
        parked = ({"topic": topic, **one.place._asdict(), **one._asdict()} for one in changes.parked)
        tx.run_many("park", parked)
    if changes.stored and any(tx.rows(bool, "has_new_failed", topic=topic)):
        places = place_arrays(version.place for version in changes.stored.values())
        tx.run("supersede_failed", topic=topic, ids=list(changes.stored), **places)


class Written(NamedTuple):
    """The result of writing a batch.

    `positions`: the new positions of its partitions. `outcomes`: the number of messages by outcome. `broken`:
    the partitions that must stop, because the limit of unreadable messages in a row was reached.
    """

    positions: dict[int, Position]
    outcomes: Counter[Outcome]
    broken: set[int]


class Store:
    """The tables of one topic, for the live consumer. For one thread at a time.

    At most `park_limit` unreadable messages in a row are parked on a partition. With more, the contract is
    broken, and the partition has to stop.
    """

    def __init__(self, database: Database, topic: str, park_limit: int) -> None:
        self._database = database
        self._topic = topic
        self._park_limit = park_limit

    def write(self, run: Run, positions: Mapping[int, Position]) -> Written:
        """Write a batch. Calling it again with the same batch is safe.

        `positions` are those of the batch's partitions when its first message was fetched. A batch with a row
        that the database refuses is halved until the row stands alone; its message is parked.

        Raise `LostPartition` when another consumer has moved an offset, and `DatabaseUnavailable`. Some of
        the batch may have been written then: drop it, and read the offsets again.
        """
        try:
            return self._write_once(run, positions)
        except UnstorableRow as error:
            if len(run) == 1:
                ((message, decoded),) = run
                return self._write_once([(message, refused(message, decoded, error))], positions)
        half = len(run) // 2
        first = self.write(run[:half], positions)
        not_broken = [pair for pair in run[half:] if pair[0].partition not in first.broken]
        rest = self.write(not_broken, {**positions, **first.positions})
        return Written(
            first.positions | rest.positions, first.outcomes + rest.outcomes, first.broken | rest.broken
        )

    def _write_once(self, run: Run, starts: Mapping[int, Position]) -> Written:
        decoded, ends, broken = self._until_broken(run, starts)
        if not decoded:
            return Written({}, Counter(), broken)
        with self._database.transaction() as tx:
            # 1. Lock the partitions, in ascending order like every writer: no deadlocks, no races.
            for partition in sorted(ends):
                tx.lock_partition(self._topic, partition)
            # 2. Move the offsets by compare-and-set. Fails here if another consumer has taken over.
            for partition, end in ends.items():
                advance(tx, self._topic, partition, starts[partition], end)
            # 3. Read what is stored, in statements that begin after the locks were granted, and decide.
            changes = fold_stored(tx, decoded)
            # 4. Write only what differs.
            write_changes(tx, self._topic, changes)
        return Written(ends, changes.outcomes, broken)

    def _until_broken(
        self, run: Run, starts: Mapping[int, Position]
    ) -> tuple[list[Decoded], dict[int, Position], set[int]]:
        """Return the messages that may be written, the positions after them, and the broken partitions.

        A partition ends before an unreadable message when `park_limit` in a row before it were unreadable.
        """
        messages: list[Decoded] = []
        ends: dict[int, Position] = {}
        broken: set[int] = set()
        for message, decoded in run:
            partition = message.partition
            at = ends.get(partition) or starts[partition]
            is_readable = not isinstance(decoded, Unreadable)
            if not is_readable and at.unreadable_in_a_row >= self._park_limit:
                broken.add(partition)
            if partition not in broken:
                messages.append(decoded)
                ends[partition] = at.after(message.offset, readable=is_readable)
        return messages, ends, broken


def advance(tx: Transaction, topic: str, partition: int, start: Position, end: Position) -> None:
    """Move the offset of a partition from exactly `start` to `end`. Raise `LostPartition`."""
    advanced = tx.run(
        "advance_offset",
        topic=topic,
        partition=partition,
        start=start.next_offset,
        end=end.next_offset,
        generation=end.generation,
        unreadable_in_a_row=end.unreadable_in_a_row,
    )
    if advanced.rowcount != 1:
        raise LostPartition(partition)


def read_all(messages: Iterable[Message], positions: Mapping[int, Position]) -> list[Decoded]:
    """Read messages, each in the generation of its partition. They count as received now."""
    mottatt = datetime.now(UTC)
    return [read(m, positions[m.partition].generation, mottatt) for m in messages]


def refused(message: Message, decoded: Decoded, error: UnstorableRow) -> Unreadable:
    """Return a message whose row the database has refused, to be parked.

    Raise `error` when parking it is what was refused: that is not the message's fault.
    """
    if isinstance(decoded, Unreadable):
        raise error
    return Unreadable(decoded.place, *message[2:], f"database_{error.sqlstate}", str(error))
