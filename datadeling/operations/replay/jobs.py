"""Replays as they are kept in the database: asked for, begun, moved on, ended."""

from collections.abc import Callable, Mapping

from datadeling.db.database import Database
from datadeling.db.tables.replays import ReplayRow, Stretch
from datadeling.db.transaction import Transaction
from datadeling.errors import Busy, NotFound, TooLate, TopicChanged
from datadeling.log import masked_prose
from datadeling.operations.replay.request import Planned, Request

Record = Callable[[Transaction, int], None]
"""Keeps who did it, in the transaction of the deed; told the replay's id."""


def _no_record(_: Transaction, __: int) -> None:
    """Who asked for a replay stands in its row."""


class Jobs:
    """The replays of one topic. Every method can raise `DatabaseUnavailable`."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def add(
        self,
        request: Request,
        who: str,
        reason: str | None,
        *,
        background: bool,
        record: Record = _no_record,
    ) -> int:
        """Keep what is asked for, and say its id. In the background a consumer takes it up."""
        why = reason and masked_prose(reason)
        asked = {
            **request._asdict(),
            "requested_by": masked_prose(who),
            "reason": why,
            "background": background,
        }
        for name in ("from_offsets", "to_offsets"):
            offsets = asked[name]
            asked[name] = {str(p): offset for p, offset in offsets.items()} if offsets else None
        with self._database.transaction() as tx:
            replay = tx.replays.insert(self._topic, "requested" if background else "stopped", asked)
            record(tx, replay)
        return replay

    def get(self, replay: int) -> ReplayRow:
        """One of them. Raise `NotFound`."""
        with self._database.transaction() as tx:
            rows = tx.replays.listed(self._topic, 1, replay)
        if not rows:
            raise NotFound(f"there is no replay {replay} of this topic")
        return rows[0]

    def listed(self, limit: int) -> list[ReplayRow]:
        """The newest."""
        with self._database.transaction() as tx:
            return tx.replays.listed(self._topic, limit)

    def waiting(self) -> list[ReplayRow]:
        """Those that a consumer may run and nobody does, the oldest first."""
        with self._database.transaction() as tx:
            found = [tx.replays.listed(self._topic, 1, replay) for replay in tx.replays.waiting(self._topic)]
        return [row for rows in found for row in rows if not row.held]

    def stretches(self, replay: int) -> list[Stretch]:
        """What it reads of each partition; nothing before it has been planned."""
        with self._database.transaction() as tx:
            return tx.replays.stretches(replay)

    def begin(self, row: ReplayRow, planned: Mapping[int, Planned]) -> list[Stretch]:
        """Say that it runs, with `planned` unless it has begun before; what there is to read.

        Raise `Busy` when another one reads some of the same right now, `NotFound` when it has ended,
        `TopicChanged` when offsets have got a new meaning since it began. Nothing has been written then.
        """
        with self._database.transaction() as tx:
            tx.replays.lock(self._topic)
            if not tx.replays.begin(row.id):
                raise NotFound(f"replay {row.id} has ended")
            if not tx.replays.stretches(row.id):
                for partition, (range_, generation) in planned.items():
                    tx.replays.insert_stretch(row.id, partition, generation, *range_)
            stretches = tx.replays.stretches(row.id)
            positions = tx.positions(self._topic)
            for one in stretches:
                if one.partition not in positions or positions[one.partition].generation != one.generation:
                    raise TopicChanged(f"offsets of partition {one.partition} have a new meaning")
            ranges = {one.partition: (one.next_offset, one.to_offset) for one in stretches}
            for other in tx.replays.overlapping(row, ranges):
                if any(found.held for found in tx.replays.listed(self._topic, 1, other)):
                    raise Busy(f"replay {other} reads some of the same messages")
        return stretches

    def end(self, replay: int, state: str, error: str | None = None) -> None:
        """Say how it ended, unless somebody has said so already."""
        with self._database.transaction() as tx:
            tx.replays.end(replay, state, error)

    def cancel(self, replay: int, record: Record = _no_record) -> None:
        """Stop it for good, wherever it runs. Raise `NotFound`, or `TooLate` when it has ended."""
        with self._database.transaction() as tx:
            cancelled = tx.replays.cancel(self._topic, replay)
            if cancelled:
                record(tx, replay)
        if not cancelled:
            raise TooLate(f"replay {replay} has been {self.get(replay).state} already")


def request_of(row: ReplayRow) -> Request:
    """What was asked for."""
    return Request(
        from_offsets=_by_number(row.from_offsets),
        from_time=row.from_time,
        to_offsets=_by_number(row.to_offsets),
        to_time=row.to_time,
        avtale_id=row.avtale_id,
        rate=row.rate,
    )


def _by_number(offsets: Mapping[str, int] | None) -> dict[int, int] | None:
    return {int(p): offset for p, offset in offsets.items()} if offsets else None
