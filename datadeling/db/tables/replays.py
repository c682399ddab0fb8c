"""Tables `replay_job` and `replay_job_partition`, and the lock of the process that runs a replay."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Json

from datadeling.db.connection import connect, translated
from datadeling.db.queries import queries
from datadeling.db.statements import Statements

_LOCK_SPACE = 0x7265706C  # first number of the advisory lock; the second is the replay's id
# The server, too, notices within half a minute that a machine is gone, and releases the lock.
_KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


class ReplayRow(NamedTuple):
    """A replay: its request and its state. `held`: a process runs it right now."""

    id: int
    topic: str
    state: str
    background: bool
    from_offsets: dict[str, int] | None
    from_time: datetime | None
    to_offsets: dict[str, int] | None
    to_time: datetime | None
    avtale_id: str | None
    rate: int | None
    requested_by: str
    reason: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    held: bool

    @property
    def standing(self) -> str:
        """The state to show: the row still says `running` after its process was killed."""
        return "interrupted" if self.state == "running" and not self.held else self.state


class PartitionProgress(NamedTuple):
    """The offsets that a replay reads of one partition, and how far it has come.

    `events`: number of messages read. `tally`: their outcomes, as `Tally.as_dict` returns them.
    """

    partition: int
    generation: int
    from_offset: int
    next_offset: int
    to_offset: int
    events: int
    tally: dict[str, Any]
    updated_at: datetime


class Replays(Statements):
    """The replays, inside an open transaction."""

    def lock(self, topic: str) -> None:
        """Wait, up to `lock_timeout`, until no other process is beginning a replay of the topic."""
        self._run("lock_replays", topic=topic)

    def insert(self, topic: str, state: str, request: Mapping[str, Any]) -> int:
        """Add a replay and return its id. `request` has a value for each column of the request."""
        values = {n: Json(v) if isinstance(v, dict) else v for n, v in request.items()}
        row = self._run("insert_replay", topic=topic, state=state, **values).fetchone()
        return int(row[0]) if row else 0

    def listed(
        self, topic: str, limit: int, replay: int | None = None, states: Sequence[str] | None = None
    ) -> list[ReplayRow]:
        """Return the newest replays, of these states, or the one with this id."""
        wanted = None if states is None else list(states)
        cursor = self._run(
            "select_replays", topic=topic, limit=limit, id=replay, states=wanted, space=_LOCK_SPACE
        )
        return [ReplayRow(*row) for row in cursor]

    def waiting(self, topic: str) -> list[int]:
        """Return the replays that a consumer may run, the oldest first."""
        return [replay for (replay,) in self._run("waiting_replays", topic=topic)]

    def begin(self, replay: int) -> bool:
        """Mark it as running. Return False when it is done or was cancelled."""
        return self._run("begin_replay", id=replay).rowcount == 1

    def overlapping(self, row: ReplayRow, ranges: Mapping[int, tuple[int, int]]) -> list[int]:
        """Return other running replays that read some of these messages."""
        found = self._run(
            "replays_of_the_range",
            id=row.id,
            topic=row.topic,
            avtale_id=row.avtale_id,
            partitions=list(ranges),
            froms=[start for start, _ in ranges.values()],
            tos=[end for _, end in ranges.values()],
        )
        return [replay for (replay,) in found]

    def insert_partition(self, replay: int, partition: int, generation: int, start: int, end: int) -> None:
        """Add the range to read of a partition."""
        values = {"partition": partition, "generation": generation, "from": start, "to": end}
        self._run("insert_replay_partition", id=replay, **values)

    def partitions(self, replay: int) -> list[PartitionProgress]:
        """Return the progress on each partition, in order; empty before the replay has been planned."""
        return [PartitionProgress(*row) for row in self._run("select_replay_partitions", id=replay)]

    def advance(
        self, row: ReplayRow, partition: int, start: int, end: int, events: int, tally: Mapping[str, Any]
    ) -> bool:
        """Move from exactly `start` to `end`. Return False when it may not go on: see the statement."""
        cursor = self._run(
            "advance_replay",
            id=row.id,
            topic=row.topic,
            partition=partition,
            to=end,
            events=events,
            tally=Json(tally),
            **{"from": start},
        )
        return cursor.rowcount == 1

    def end(self, replay: int, state: str, error: str | None = None) -> None:
        """Set the state it ended in, unless it is done or was cancelled."""
        self._run("end_replay", id=replay, state=state, error=error)

    def cancel(self, topic: str, replay: int) -> bool:
        """Stop it for good. Return False when there is no such replay that has not ended."""
        return self._run("cancel_replay", topic=topic, id=replay).rowcount == 1


class Claim:
    """The right to run one replay: an advisory lock on a connection of its own.

    So it is free as soon as the process dies. For one thread.
    """

    def __init__(self, db_url: str, replay: int) -> None:
        self._db_url = db_url
        self._replay = replay
        self._connection: psycopg.Connection | None = None

    def take(self) -> bool:
        """Take the lock, or check that it is still ours. Return False when another process has it.

        Raise `DatabaseUnavailable`; the next call connects again.
        """
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.release()
            self._connection = connect(self._db_url, options=_KEEPALIVE, application="datadeling replay")
        values = {"space": _LOCK_SPACE, "id": self._replay}
        with translated(self._connection):
            row = self._connection.execute(queries["take_replay"], values).fetchone()
        if row and row[0]:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Let other processes take it."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
