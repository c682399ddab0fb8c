"""One batch = one transaction: offsets, rows, history, markers, failed messages. Or nothing.

The order inside: the partitions' locks, the offsets by compare-and-set, what is stored already, then the
writes. A batch that the database refuses for what is in it is halved until the culprit stands alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from datadeling.db.database import Database
from datadeling.db.tables.parking import Parked
from datadeling.db.transaction import Transaction
from datadeling.db.waiting import Meanwhile
from datadeling.domain.hendelse import Position
from datadeling.errors import LostPartition, UnstorableRow
from datadeling.pipeline.apply import apply, fold_stored
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.message import Decoded, Message, Unreadable
from datadeling.pipeline.transform import read, unreadable

FAILED_STATES = ("new", "resolved", "superseded", "discarded")
"""What can become of a parked message."""

Run = Sequence[tuple[Message, Decoded]]
"""Messages in the order of the log, with what reading each came to."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch came to.

    `positions`: where its partitions stand now. `outcomes`: how many messages had which. `broken`: the
    partitions that stand still, because as many unreadable messages in a row as may be parked were seen.
    """

    positions: Mapping[int, Position]
    outcomes: Counter[Outcome]
    broken: frozenset[int]


class Store:
    """The tables of one topic. For one thread at a time.

    At most `park_limit` unreadable messages in a row are parked on a partition: beyond that the fault is not
    the messages', and the partition has to wait for somebody.
    """

    def __init__(self, database: Database, topic: str, park_limit: int) -> None:
        self._database = database
        self._topic = topic
        self._park_limit = park_limit

    def begin(self, partition: int, next_offset: int, historikk_fra: datetime) -> Position:
        """Where to read a partition from. One that is not known yet begins at `next_offset`."""
        with self._database.transaction() as tx:
            tx.insert_offset(self._topic, partition, next_offset, historikk_fra)
            position = tx.position(self._topic, partition)
        if position is None:
            raise LostPartition(partition)  # deleted by hand between the two statements
        return position

    def position(self, partition: int) -> Position | None:
        """Where a partition stands, or None when it has never been read."""
        with self._database.transaction() as tx:
            return tx.position(self._topic, partition)

    def positions(self) -> dict[int, Position]:
        """Where all partitions stand that have ever been read."""
        with self._database.transaction() as tx:
            return tx.positions(self._topic)

    def skip_to(self, partition: int, start: Position, next_offset: int) -> Position:
        """Move a position over offsets that the topic has no longer.

        Raise `LostPartition` if it stands elsewhere.
        """
        end = start._replace(next_offset=next_offset)
        with self._database.transaction() as tx:
            self._advance(tx, {partition: start}, {partition: end})
        return end

    def write(self, messages: Sequence[Message], positions: Mapping[int, Position]) -> Written:
        """Read a batch and write it: see `read_all` and `write_run`."""
        run = list(zip(messages, read_all(messages, positions), strict=True))
        return self.write_run(run, positions)

    def working(self, meanwhile: Meanwhile) -> AbstractContextManager[None]:
        """In this block, `meanwhile` is called while the database works. It must not use the database."""
        return self._database.working(meanwhile)

    def write_run(self, run: Run, positions: Mapping[int, Position]) -> Written:
        """Write a batch that has been read; calling again with the same one is safe.

        `positions` says where each partition of the batch stood when its first message was fetched.
        Raise `LostPartition` when another consumer has moved on (drop the batch), `DatabaseUnavailable`
        (keep it and try again). In both cases nothing of a transaction has been written, though halves
        of a batch that held an unstorable row may have been: read the offset again.
        """
        try:
            return self._write_once(run, positions)
        except UnstorableRow as error:
            if len(run) > 1:
                return self._write_halves(run, positions)
            ((melding, reading),) = run
            if isinstance(reading, Unreadable):
                raise  # not even parking it works: that is no fault of the message
            refused = unreadable(melding, reading.place, f"database_{error.sqlstate}", str(error))
            return self._write_once([(melding, refused)], positions)

    def _write_halves(self, run: Run, positions: Mapping[int, Position]) -> Written:
        half = len(run) // 2
        first = self.write_run(run[:half], positions)
        going_on = [one for one in run[half:] if one[0].partition not in first.broken]
        rest = self.write_run(going_on, {**positions, **first.positions})
        return Written(
            {**first.positions, **rest.positions},
            first.outcomes + rest.outcomes,
            first.broken | rest.broken,
        )

    def _write_once(self, run: Run, positions: Mapping[int, Position]) -> Written:
        readings, ends, broken = _until_broken(run, positions, self._park_limit)
        if not readings:
            return Written({}, Counter(), broken)
        with self._database.transaction() as tx:
            for partition in sorted(ends):
                tx.lock_partition(self._topic, partition)
            self._advance(tx, positions, ends)
            changes = fold_stored(tx, readings)
            apply(tx, self._topic, changes)
        return Written(ends, changes.outcomes, broken)

    def is_of_topic(self, partition: int, topic_id: str) -> bool:
        """Whether a partition's offset belongs to the topic that the broker calls so.

        The first answer is kept: it is the topic that we know from then on.
        """
        with self._database.transaction() as tx:
            return tx.is_of_topic(self._topic, partition, topic_id)

    def count_failed(self) -> dict[str, Parked]:
        """What failed messages the topic has, by state."""
        with self._database.transaction() as tx:
            return tx.parking.count(self._topic)

    def slot_lags(self) -> dict[str, int]:
        """By replication slot, how many bytes its reader is behind."""
        with self._database.transaction() as tx:
            return tx.slot_lags()

    def lookup_log_left(self) -> timedelta:
        """For how long lookups can be recorded before a month is missing."""
        with self._database.transaction() as tx:
            return tx.lookup_log.time_left()

    def _advance(self, tx: Transaction, starts: Mapping[int, Position], ends: Mapping[int, Position]) -> None:
        for partition, end in ends.items():
            if not tx.advance_offset(self._topic, partition, starts[partition], end):
                raise LostPartition(partition)


def read_all(messages: Iterable[Message], positions: Mapping[int, Position]) -> list[Decoded]:
    """Read messages, each in the generation of its partition. They count as received now.

    What cannot be read comes to `Unreadable`.
    """
    mottatt = datetime.now(UTC)
    return [read(m, positions[m.partition].generation, mottatt) for m in messages]


def _until_broken(
    run: Run, positions: Mapping[int, Position], park_limit: int
) -> tuple[list[Decoded], dict[int, Position], frozenset[int]]:
    """What may be written, where that takes each partition, and which partitions end here.

    A partition ends before an unreadable message when `park_limit` in a row before it were unreadable, too.
    """
    if not any(isinstance(reading, Unreadable) for _, reading in run):  # as nearly always
        last = {melding.partition: melding.offset for melding, _ in run}
        ends = {p: positions[p].after(offset, readable=True) for p, offset in last.items()}
        return [reading for _, reading in run], ends, frozenset()
    readings: list[Decoded] = []
    ends = {}
    broken: set[int] = set()
    for melding, reading in run:
        partition = melding.partition
        at = ends.get(partition) or positions[partition]
        is_readable = not isinstance(reading, Unreadable)
        if not is_readable and at.unreadable_in_a_row >= park_limit:
            broken.add(partition)
        if partition not in broken:
            readings.append(reading)
            ends[partition] = at.after(melding.offset, readable=is_readable)
    return readings, ends, frozenset(broken)
