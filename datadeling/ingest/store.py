"""One batch = one transaction: offsets, rows, history, markers, failed messages. Or nothing.

The order inside: the partitions' locks, the offsets by compare-and-set, what is stored already, then the
writes. A batch that the database refuses for what is in it is halved until the culprit stands alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Place, Position
from datadeling.errors import LostPartition, UnstorableRow
from datadeling.ingest.fold import Changes, Outcome, avtale_ids, fold
from datadeling.ingest.melding import KEY_MISMATCH, Melding, Reading, Unreadable
from datadeling.ingest.transform import read, unreadable

_PAGE = 500  # parked messages retried in one transaction

FAILED_STATES = ("new", "resolved", "superseded", "discarded")
"""What can become of a parked message."""

_Read = tuple[Melding, Reading]


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

    def skip_to(self, partition: int, start: Position, next_offset: int) -> Position:
        """Move a position over offsets that the topic has no longer.

        Raise `LostPartition` if it stands elsewhere.
        """
        end = start._replace(next_offset=next_offset)
        with self._database.transaction() as tx:
            self._advance(tx, {partition: start}, {partition: end})
        return end

    def write(self, messages: Sequence[Melding], positions: Mapping[int, Position]) -> Written:
        """Write a batch; calling again with the same batch is safe.

        `positions` says where each partition of the batch stood when its first message was fetched.
        Raise `LostPartition` when another consumer has moved on (drop the batch), `DatabaseUnavailable`
        (keep it and try again). In both cases nothing of a transaction has been written, though halves
        of a batch that held an unstorable row may have been: read the offset again.
        """
        mottatt = datetime.now(UTC)
        run = [(m, read(m, positions[m.partition].generation, mottatt)) for m in messages]
        return self._write_or_halve(run, positions)

    def _write_or_halve(self, run: Sequence[_Read], positions: Mapping[int, Position]) -> Written:
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

    def _write_halves(self, run: Sequence[_Read], positions: Mapping[int, Position]) -> Written:
        half = len(run) // 2
        first = self._write_or_halve(run[:half], positions)
        going_on = [one for one in run[half:] if one[0].partition not in first.broken]
        rest = self._write_or_halve(going_on, {**positions, **first.positions})
        return Written(
            {**first.positions, **rest.positions},
            first.outcomes + rest.outcomes,
            first.broken | rest.broken,
        )

    def _write_once(self, run: Sequence[_Read], positions: Mapping[int, Position]) -> Written:
        readings, ends, broken = _until_broken(run, positions, self._park_limit)
        if not readings:
            return Written({}, Counter(), broken)
        with self._database.transaction() as tx:
            for partition in sorted(ends):
                tx.lock_partition(self._topic, partition)
            self._advance(tx, positions, ends)
            changes = self._fold(tx, readings)
            self._apply(tx, changes)
        return Written(ends, changes.outcomes, broken)

    def retry_failed(self, partition: int) -> Counter[Outcome]:
        """Try the parked messages of a partition in state `new` once more, through the same steps.

        What can be stored now, or is outdated, becomes `resolved`; the rest stays parked. Never moves the
        offset. Raise `DatabaseUnavailable`; what had been retried by then stays done.
        """
        outcomes: Counter[Outcome] = Counter()
        after: Place | None = Place(-1, partition, -1)
        while after is not None:
            page, after = self._retry_or_halve(after, _PAGE)
            outcomes += page
        return outcomes

    def _retry_or_halve(self, after: Place, limit: int) -> tuple[Counter[Outcome], Place | None]:
        try:
            return self._retry_page(after, limit)
        except UnstorableRow:
            if limit > 1:
                return self._retry_or_halve(after, limit // 2)
            return self._retry_page(after, limit, refused=True)

    def _retry_page(
        self, after: Place, limit: int, *, refused: bool = False
    ) -> tuple[Counter[Outcome], Place | None]:
        """Retry some messages, and say after which one to go on. Those `refused` only count one more try."""
        mottatt = datetime.now(UTC)
        partition = after.partition
        with self._database.transaction() as tx:
            tx.lock_partition(self._topic, partition)
            failed = tx.new_failed(self._topic, after, limit)
            if not failed:
                return Counter(), None
            readings = [
                read(
                    Melding(partition, f.place.offset, f.hendelse_tidspunkt, f.key, f.value),
                    f.place.generation,
                    mottatt,
                )
                for f in failed
            ]
            mended = [r for r in readings if not (refused or isinstance(r, Unreadable))]
            places = {reading.place for reading in mended}
            again = [f.place for f in failed if f.place not in places]
            tx.fail_again(self._topic, partition, again)
            tx.resolve_failed(self._topic, partition, list(places))
            changes = self._fold(tx, mended)
            self._apply(tx, changes)
        changes.outcomes["failed"] += len(again)
        return changes.outcomes, failed[-1].place

    def count_failed(self) -> dict[str, int]:
        """How many failed messages the topic has, by state."""
        with self._database.transaction() as tx:
            return tx.count_failed(self._topic)

    def _advance(self, tx: Transaction, starts: Mapping[int, Position], ends: Mapping[int, Position]) -> None:
        for partition, end in ends.items():
            if not tx.advance_offset(self._topic, partition, starts[partition], end):
                raise LostPartition(partition)

    @staticmethod
    def _fold(tx: Transaction, readings: Sequence[Reading]) -> Changes:
        ids = avtale_ids(readings)
        return fold(readings, tx.avtaler(ids), tx.markers(ids))

    def _apply(self, tx: Transaction, changes: Changes) -> None:
        if changes.deletions:
            tx.delete(self._topic, changes.deletions, KEY_MISMATCH)
        if changes.new:
            tx.insert(changes.new)
        if changes.changed:
            tx.update(changes.changed)
        if changes.history:
            tx.insert_history(changes.history)
        if changes.parked:
            tx.park(self._topic, _failed_rows(changes.parked))
        if changes.stored and tx.has_new_failed(self._topic):
            tx.supersede_failed(self._topic, changes.stored, KEY_MISMATCH)


def _until_broken(
    run: Sequence[_Read], positions: Mapping[int, Position], park_limit: int
) -> tuple[list[Reading], dict[int, Position], frozenset[int]]:
    """What may be written, where that takes each partition, and which partitions end here.

    A partition ends before an unreadable message when `park_limit` in a row before it were unreadable, too.
    """
    readings: list[Reading] = []
    ends: dict[int, Position] = {}
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


def _failed_rows(parked: Iterable[Unreadable]) -> list[dict[str, Any]]:
    return [
        {
            "generation": message.place.generation,
            "partition": message.place.partition,
            "offset": message.place.offset,
            "key": message.key,
            "value": message.value,
            "hendelse_tidspunkt": message.timestamp,
            "reason": message.reason,
            "message": message.text,
        }
        for message in parked
    ]
