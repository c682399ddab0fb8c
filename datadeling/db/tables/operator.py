"""The statements of the operator's commands, one for each method."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import class_row

from datadeling.db.queries import queries
from datadeling.db.statements import Statements
from datadeling.domain.hendelse import Place

ERASURE = "delete"
"""The command under which `operator_log` records that an avtale was erased by hand."""


class FailedRow(NamedTuple):
    """A parked message without its value."""

    generation: int
    kafka_partition: int
    kafka_offset: int
    state: str
    reason: str
    message: str
    attempts: int
    key: bytes | None
    value_bytes: int | None
    hendelse_tidspunkt: datetime
    created_at: datetime
    updated_at: datetime

    @property
    def place(self) -> Place:
        """Return its place on the topic."""
        return Place(self.generation, self.kafka_partition, self.kafka_offset)


class OffsetRow(NamedTuple):
    """The position of a partition, and when it was last moved."""

    partition: int
    generation: int
    next_offset: int
    unreadable_in_a_row: int
    topic_id: str | None
    historikk_fra: datetime
    updated_at: datetime


class Operator(Statements):
    """The statements of the operator's commands, inside an open transaction."""

    def write_log(self, who: str, command: str, target: str, reason: str | None) -> None:
        """Record an action in `operator_log`."""
        self._run("write_operator_log", who=who, command=command, target=target, reason=reason)

    def failed(self, topic: str, state: str | None, reason: str | None, limit: int) -> list[FailedRow]:
        """Return at most `limit` parked messages in the order of their places; None matches any."""
        with self._connection.cursor(row_factory=class_row(FailedRow)) as cursor:
            values = {"topic": topic, "state": state, "reason": reason, "limit": limit}
            return cursor.execute(queries["list_failed"], values).fetchall()

    def failed_at(self, topic: str, place: Place) -> tuple[FailedRow, bytes | None] | None:
        """Return one parked message and its value, or None when there is none at this place."""
        row = self._run("select_failed", topic=topic, **place._asdict()).fetchone()
        return (FailedRow(*row[:-1]), row[-1]) if row else None

    def discard(self, topic: str, place: Place) -> bool:
        """Drop the value of a parked message for good. Return False when none at this place is open."""
        return self._run("discard_failed", topic=topic, **place._asdict()).rowcount == 1

    def partitions_with_failed(self, topic: str) -> list[int]:
        """Return the partitions with messages that can be retried, in order."""
        return [partition for (partition,) in self._run("partitions_with_failed", topic=topic)]

    def erase_failed(self, topic: str, avtale_id: str) -> int:
        """Delete every parked message that names the avtale, and return their number."""
        return self._run("erase_failed", topic=topic, avtale_id=avtale_id).rowcount

    def offsets(self, topic: str) -> list[OffsetRow]:
        """Return the positions of all partitions, in order."""
        return [OffsetRow(*row) for row in self._run("list_offsets", topic=topic)]

    def raise_generation(self, topic: str, beginnings: dict[int, int] | None) -> None:
        """Begin the next generation at these offsets, or at the present ones when None is given."""
        if beginnings is None:
            self._run("keep_generation", topic=topic)
        else:
            self._run("forget_generations", topic=topic)
        self._run("raise_generation", topic=topic)
        for partition, next_offset in (beginnings or {}).items():
            self._run("move_offset", topic=topic, partition=partition, next_offset=next_offset)

    def go_back(self, topic: str, partition: int, next_offset: int) -> None:
        """Move a partition back, to be read again in the generation that is about to begin."""
        values = {"topic": topic, "partition": partition, "next_offset": next_offset}
        self._run("shorten_generations", **values)
        self._run("move_offset", **values)

    def erased_by_hand(self) -> list[str]:
        """Return the avtaler that an operator has erased and that have not been stored since."""
        return [avtale_id for (avtale_id,) in self._run("erased_by_hand", command=ERASURE)]

    def locate(self, topic: str, avtale_id: str) -> tuple[int, int] | None:
        """Return generation and partition of the newest message of an avtale that we have a trace of."""
        row: Sequence[int] | None = self._run("locate_avtale", topic=topic, avtale_id=avtale_id).fetchone()
        return (row[0], row[1]) if row else None
