"""Replays as they are kept in the database: requested, begun, ended. Imports no Kafka: the API uses it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.db.transaction import Transaction
from datadeling.errors import Busy, NotFound, TooLate, TopicChanged
from datadeling.operations.action import OperatorAction


class Request(NamedTuple):
    """The messages to read again; None is no bound. With `from_offsets`, only its partitions are read.

    `avtale_id`: only messages with this key. `rate`: at most so many messages a second.
    """

    from_offsets: Mapping[int, int] | None = None
    from_time: datetime | None = None
    to_offsets: Mapping[int, int] | None = None
    to_time: datetime | None = None
    avtale_id: str | None = None
    rate: int | None = None


class Jobs:
    """The replays of one topic. Every method can raise `DatabaseUnavailable`."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def add(self, request: Request, action: OperatorAction, *, background: bool) -> int:
        """Keep a request, with its operator record, and return its id.

        With `background` a consumer process begins it within seconds; otherwise the caller runs it.
        """
        masked = action.masked()
        values = {
            **request._asdict(),
            "from_offsets": request.from_offsets or None,
            "to_offsets": request.to_offsets or None,
            "requested_by": masked["who"],
            "reason": masked["reason"],
            "background": background,
        }
        with self._database.transaction() as tx:
            state = "requested" if background else "stopped"
            (replay,) = tx.rows(int, "insert_replay", topic=self._topic, state=state, **values)
            action.record(tx, "replay", f"replay {replay}")
        action.log("replay", f"replay {replay}")
        return replay

    def cancel(self, replay: int, action: OperatorAction) -> None:
        """Stop a replay for good, wherever it runs. Raise `NotFound`, or `TooLate` when it has ended."""
        with action.transaction(self._database, "replay --cancel", f"replay {replay}") as tx:
            if not tx.run("cancel_replay", topic=self._topic, id=replay).rowcount:
                raise TooLate(f"replay {replay} has been {self.get(replay).state} already")

    def get(self, replay: int) -> ReplayRow:
        """Return one replay. Raise `NotFound`."""
        with self._database.transaction() as tx:
            rows = tx.replays(self._topic, ids=[replay])
        if not rows:
            raise NotFound(f"there is no replay {replay} of this topic")
        return rows[0]

    def listed(self, limit: int) -> list[ReplayRow]:
        """Return the newest replays, the newest first."""
        with self._database.transaction() as tx:
            return tx.replays(self._topic, limit=limit)

    def waiting(self) -> list[ReplayRow]:
        """Return the replays that a consumer may run and nobody runs, the oldest first."""
        with self._database.transaction() as tx:
            begun = tx.replays(self._topic, states=("requested", "running"))
        return [row for row in reversed(begun) if row.background and not row.held]

    def partitions(self, replay: int) -> list[PartitionProgress]:
        """Return the progress on each partition; empty before the replay has been planned."""
        with self._database.transaction() as tx:
            return tx.rows(PartitionProgress, "select_replay_partitions", id=replay)

    def begin(self, row: ReplayRow, planned: Collection[PartitionProgress]) -> list[PartitionProgress]:
        """Mark a replay as running and return where to read; `planned` counts the first time only.

        Raise `Busy` when a running replay reads some of the same messages, `NotFound` when this one has
        ended, `TopicChanged` when a new generation has begun since. Nothing has been written then.
        """
        with self._database.transaction() as tx:
            tx.run("lock_replays", topic=self._topic)
            if not tx.run("begin_replay", id=row.id).rowcount:
                raise NotFound(f"replay {row.id} has ended")
            if not tx.rows(PartitionProgress, "select_replay_partitions", id=row.id):
                for one in planned:
                    tx.run("insert_replay_partition", id=row.id, **one._asdict())
            partitions = tx.rows(PartitionProgress, "select_replay_partitions", id=row.id)
            refuse_new_generation(tx, self._topic, partitions)
            overlapping = tx.rows(int, "overlapping_replays", id=row.id)
            if busy := [other.id for other in tx.replays(self._topic, ids=overlapping) if other.held]:
                raise Busy(f"replay {min(busy)} reads some of the same messages")
        return partitions

    def end(self, replay: int, state: str, error: str | None = None) -> None:
        """Set the state that a replay ended in, unless it is done or cancelled already."""
        with self._database.transaction() as tx:
            tx.run("end_replay", id=replay, state=state, error=error)


def refuse_new_generation(tx: Transaction, topic: str, partitions: Collection[PartitionProgress]) -> None:
    """Raise `TopicChanged` when a new generation has begun since these were planned."""
    positions = tx.positions(topic)
    for one in partitions:
        if one.partition not in positions or positions[one.partition].generation != one.generation:
            raise TopicChanged(f"offsets of partition {one.partition} have a new meaning")


def request_of(row: ReplayRow) -> Request:
    """Return the request that a replay was added with."""
    values = {name: getattr(row, name) for name in Request._fields}
    for name in ("from_offsets", "to_offsets"):  # a key of JSON is text
        values[name] = values[name] and {int(p): offset for p, offset in values[name].items()}
    return Request(**values)
