"""Write messages to the tables: rows, history, markers, failed messages and offsets in one transaction.

`fold_stored` and `write_changes` are the end of every write path; `Store` is the live consumer's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from datadeling.db import lookup_log
from datadeling.db.database import Database
from datadeling.db.rows import Parked
from datadeling.db.transaction import Transaction, place_arrays
from datadeling.db.waiting import Meanwhile
from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place, Position
from datadeling.errors import LostPartition, UnstorableRow
from datadeling.pipeline.fold import Changes, Outcome, fold, needs_history
from datadeling.pipeline.message import Decoded, Message, Unreadable, avtale_ids
from datadeling.pipeline.transform import read, unreadable

FAILED_STATES = ("new", "resolved", "superseded", "discarded")
"""The states of a parked message."""

Run = Sequence[tuple[Message, Decoded]]
"""Messages in the order of the log, each with the result of reading it."""


class Tables(Protocol):
    """The tables' present content, as far as `fold` needs it."""

    def avtaler(self, ids: Sequence[str]) -> dict[str, Avtale]:
        """Return the stored versions of these avtaler."""

    def markers(self, ids: Sequence[str]) -> dict[str, Place]:
        """Return the places of their tombstones."""

    def history(self, ids: Sequence[str]) -> dict[str, list[Superseded]]:
        """Return their superseded versions."""


def fold_stored(tables: Tables, messages: Sequence[Decoded], *, is_replay: bool = False) -> Changes:
    """Return the changes that these messages make. The partitions' locks must be held."""
    ids = avtale_ids(messages)
    stored = tables.avtaler(ids)
    repeated = needs_history(messages, stored, is_replay=is_replay)
    return fold(messages, stored, tables.markers(ids), tables.history(repeated) if repeated else None)


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


@dataclass(frozen=True, slots=True)
class Written:
    """The result of writing a batch.

    `positions`: the new positions of its partitions. `outcomes`: the number of messages by outcome. `broken`:
    the partitions that must stop, because the limit of unreadable messages in a row was reached.
    """

    positions: Mapping[int, Position]
    outcomes: Counter[Outcome]
    broken: frozenset[int]


class Backlog(NamedTuple):
    """Figures for metrics: failed messages by state, bytes by replication slot, time left in `lookup_log`."""

    failed: dict[str, Parked]
    slot_lags: dict[str, int]
    lookup_log_left: timedelta


class Store:
    """The tables of one topic, for the live consumer. For one thread at a time.

    At most `park_limit` unreadable messages in a row are parked on a partition. With more, the contract is
    broken, and the partition has to stop.
    """

    def __init__(self, database: Database, topic: str, park_limit: int) -> None:
        self._database = database
        self._topic = topic
        self._park_limit = park_limit

    def begin(self, partition: int, next_offset: int, historikk_fra: datetime) -> Position:
        """Return the position of a partition; one that has never been read begins at `next_offset`."""
        with self._database.transaction() as tx:
            tx.run(
                "insert_offset",
                topic=self._topic,
                partition=partition,
                next_offset=next_offset,
                historikk_fra=historikk_fra,
            )
            position = tx.position(self._topic, partition)
        if position is None:
            raise LostPartition(partition)  # deleted by hand between the two statements
        return position

    def position(self, partition: int) -> Position | None:
        """Return the position of a partition, None when it has never been read."""
        with self._database.transaction() as tx:
            return tx.position(self._topic, partition)

    def positions(self) -> dict[int, Position]:
        """Return the positions of all partitions that have ever been read."""
        with self._database.transaction() as tx:
            return tx.positions(self._topic)

    def skip_to(self, partition: int, start: Position, next_offset: int) -> Position:
        """Move a position past offsets that the topic no longer has, and return it.

        Raise `LostPartition` if the partition is not at `start`.
        """
        end = start._replace(next_offset=next_offset)
        with self._database.transaction() as tx:
            self._advance(tx, {partition: start}, {partition: end})
        return end

    def write(self, messages: Sequence[Message], positions: Mapping[int, Position]) -> Written:
        """Read and write a batch: `read_all` and `write_run`."""
        run = list(zip(messages, read_all(messages, positions), strict=True))
        return self.write_run(run, positions)

    def working(self, meanwhile: Meanwhile) -> AbstractContextManager[None]:
        """Call `meanwhile` while the database works, in this block. It must not use the database."""
        return self._database.working(meanwhile)

    def write_run(self, run: Run, positions: Mapping[int, Position]) -> Written:
        """Write a batch that has been read. Calling it again with the same batch is safe.

        `positions` are those of the batch's partitions when its first message was fetched. A batch with a row
        that the database refuses is halved until the row stands alone; its message is parked.

        Raise `LostPartition` when another consumer has moved an offset (drop the batch) and
        `DatabaseUnavailable` (keep it and try again). The transaction in hand has been rolled back then, but
        earlier halves of the batch may have been written: read the offset again.
        """
        try:
            return self._write_once(run, positions)
        except UnstorableRow as error:
            if len(run) > 1:
                return self._write_halves(run, positions)
            ((message, decoded),) = run
            return self._write_once([(message, refused(message, decoded, error))], positions)

    def _write_halves(self, run: Run, positions: Mapping[int, Position]) -> Written:
        half = len(run) // 2
        first = self.write_run(run[:half], positions)
        not_broken = [pair for pair in run[half:] if pair[0].partition not in first.broken]
        rest = self.write_run(not_broken, {**positions, **first.positions})
        return Written(
            {**first.positions, **rest.positions},
            first.outcomes + rest.outcomes,
            first.broken | rest.broken,
        )

    def _write_once(self, run: Run, positions: Mapping[int, Position]) -> Written:
        decoded, ends, broken = _until_broken(run, positions, self._park_limit)
        if not decoded:
            return Written({}, Counter(), broken)
        with self._database.transaction() as tx:
            # 1. Lock the partitions, in ascending order like every writer: no deadlocks, no races.
            for partition in sorted(ends):
                tx.lock_partition(self._topic, partition)
            # 2. Move the offsets by compare-and-set. Fails here if another consumer has taken over.
            self._advance(tx, positions, ends)
            # 3. Read what is stored, in statements that begin after the locks were granted, and decide.
            changes = fold_stored(tx, decoded)
            # 4. Write only what differs.
            write_changes(tx, self._topic, changes)
        return Written(ends, changes.outcomes, broken)

    def is_of_topic(self, partition: int, topic_id: str) -> bool:
        """Return True when a partition's offset belongs to the topic with this id.

        The first id is stored, and is the right one from then on.
        """
        with self._database.transaction() as tx:
            tx.run("recognise_topic", topic=self._topic, partition=partition, topic_id=topic_id)
            return tx.first(str, "select_topic_id", topic=self._topic, partition=partition) == topic_id

    def backlog(self) -> Backlog:
        """Return the figures that are read regularly for the metrics."""
        with self._database.transaction() as tx:
            failed = {state: Parked(*rest) for state, *rest in tx.run("count_failed", topic=self._topic)}
            return Backlog(failed, dict(tx.run("slot_lags")), lookup_log.time_left(tx))

    def _advance(self, tx: Transaction, starts: Mapping[int, Position], ends: Mapping[int, Position]) -> None:
        for partition, end in ends.items():
            advanced = tx.run(
                "advance_offset",
                topic=self._topic,
                partition=partition,
                start=starts[partition].next_offset,
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
    return unreadable(message, decoded.place, f"database_{error.sqlstate}", str(error))


def _until_broken(
    run: Run, positions: Mapping[int, Position], park_limit: int
) -> tuple[list[Decoded], dict[int, Position], frozenset[int]]:
    """Return the messages that may be written, the positions after them, and the broken partitions.

    A partition ends before an unreadable message when `park_limit` in a row before it were unreadable, too.
    """
    messages: list[Decoded] = []
    ends: dict[int, Position] = {}
    broken: set[int] = set()
    for message, decoded in run:
        partition = message.partition
        at = ends.get(partition) or positions[partition]
        is_readable = not isinstance(decoded, Unreadable)
        if not is_readable and at.unreadable_in_a_row >= park_limit:
            broken.add(partition)
        if partition not in broken:
            messages.append(decoded)
            ends[partition] = at.after(message.offset, readable=is_readable)
    return messages, ends, frozenset(broken)
