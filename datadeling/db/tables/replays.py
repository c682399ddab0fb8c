"""What a replay asks of PostgreSQL, one statement a method."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Json

from datadeling.db.statements import Statements

LOCK_SPACE = 0x7265706C
"""The first number of the advisory lock that whoever runs a replay holds; its id is the second."""


class ReplayRow(NamedTuple):
    """A replay: what was asked for, and its state. `held`: somebody runs it right now."""

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
        """The state as people are told it: a row says that it runs also after its process was killed."""
        return "interrupted" if self.state == "running" and not self.held else self.state


class Stretch(NamedTuple):
    """What a replay reads of one partition: from one offset up to another, and how far it has come.

    `events` is how many messages have been read. `tally` is what they came to, as `ingest.tally` keeps it.
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
    """Replays, inside an open transaction."""

    def lock(self, topic: str) -> None:
        """Wait, up to `lock_timeout`, until nobody else begins a replay of the topic."""
        self._run("lock_replays", topic=topic)

    def insert(self, topic: str, state: str, asked: Mapping[str, Any]) -> int:
        """Add one, and say its id. `asked` has a value for each column that tells what is asked for."""
        values = {n: Json(v) if isinstance(v, dict) else v for n, v in asked.items()}
        row = self._run("insert_replay", topic=topic, state=state, **values).fetchone()
        return int(row[0]) if row else 0

    def listed(
        self, topic: str, limit: int, replay: int | None = None, states: Sequence[str] | None = None
    ) -> list[ReplayRow]:
        """The newest, of those in these states, or one of them."""
        wanted = None if states is None else list(states)
        cursor = self._run(
            "select_replays", topic=topic, limit=limit, id=replay, states=wanted, space=LOCK_SPACE
        )
        return [ReplayRow(*row) for row in cursor]

    def waiting(self, topic: str) -> list[int]:
        """Those that a consumer may run, the oldest first."""
        return [replay for (replay,) in self._run("waiting_replays", topic=topic)]

    def begin(self, replay: int) -> bool:
        """Say that it runs. False when it is done or was cancelled."""
        return self._run("begin_replay", id=replay).rowcount == 1

    def overlapping(self, row: ReplayRow, ranges: Mapping[int, tuple[int, int]]) -> list[int]:
        """Others that have not ended and would read some of these messages."""
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

    def insert_stretch(self, replay: int, partition: int, generation: int, start: int, end: int) -> None:
        """Say what is to be read of a partition."""
        values = {"partition": partition, "generation": generation, "from": start, "to": end}
        self._run("insert_replay_partition", id=replay, **values)

    def stretches(self, replay: int) -> list[Stretch]:
        """What it reads of each partition, in order; nothing before it has been planned."""
        return [Stretch(*row) for row in self._run("select_replay_partitions", id=replay)]

    def advance(
        self, row: ReplayRow, partition: int, start: int, end: int, events: int, tally: Mapping[str, Any]
    ) -> bool:
        """Move on from exactly `start` to `end`. False when it may not go on: see the statement."""
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

    def end(self, replay: int, state: str, error: str | None = None) -> bool:
        """Say how it ended. False when it is done or was cancelled."""
        return self._run("end_replay", id=replay, state=state, error=error).rowcount == 1

    def cancel(self, topic: str, replay: int) -> bool:
        """Stop it for good, wherever it runs. False when there is none that has not ended."""
        return self._run("cancel_replay", topic=topic, id=replay).rowcount == 1
