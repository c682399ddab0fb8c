"""The statements of the write path on `failed_message`, one a method."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from datadeling.db.queries import queries
from datadeling.db.statements import Statements
from datadeling.domain.hendelse import Place, Sletting


class FailedMessage(NamedTuple):
    """A parked message, as a retry needs it."""

    place: Place
    hendelse_tidspunkt: datetime
    key: bytes | None
    value: bytes | None


class Parked(NamedTuple):
    """The number of messages in a state, and the age of the oldest of them in seconds."""

    messages: int
    oldest: float


class Parking(Statements):
    """Messages that could not be used, inside an open transaction."""

    def park(self, topic: str, rows: Iterable[dict[str, Any]]) -> None:
        """Park unreadable messages; a message that is parked already stays as it is."""
        with self._connection.cursor() as cursor:
            cursor.executemany(queries["park"], [{"topic": topic, **row} for row in rows])

    def has_new(self, topic: str) -> bool:
        """Return True when the topic has a parked message in the state `new`."""
        row = self._run("has_new_failed", topic=topic).fetchone()
        return bool(row and row[0])

    def supersede(self, topic: str, stored: Mapping[str, Place], key_mismatch: str) -> None:
        """Mark the parked messages that a stored message of the same key supersedes.

        Not those with the reason `key_mismatch`: their key says nothing about them.
        """
        self._run(
            "supersede_failed",
            topic=topic,
            key_mismatch=key_mismatch,
            ids=list(stored),
            generations=[place.generation for place in stored.values()],
            offsets=[place.offset for place in stored.values()],
        )

    def delete(self, topic: str, deletions: Sequence[Sletting], key_mismatch: str) -> None:
        """Erase the parked messages of these avtaler up to each tombstone.

        Not those with the reason `key_mismatch`: their key says nothing about them.
        """
        self._run(
            "delete_failed",
            topic=topic,
            key_mismatch=key_mismatch,
            ids=[s.avtale_id for s in deletions],
            generations=[s.place.generation for s in deletions],
            offsets=[s.place.offset for s in deletions],
        )

    def retryable(
        self, topic: str, states: Sequence[str], after: Place, last: Place, limit: int, max_bytes: int
    ) -> list[FailedMessage]:
        """Return parked messages of a partition in these states, in the order of the log.

        Behind `after` and up to `last`; at most `limit`, and `max_bytes` together, but at least one.
        """
        rows = self._run(
            "select_retryable",
            topic=topic,
            partition=after.partition,
            states=list(states),
            generation=after.generation,
            offset=after.offset,
            last_generation=last.generation,
            last_offset=last.offset,
            limit=limit,
            max_bytes=max_bytes,
        ).fetchall()
        return [FailedMessage(Place(*row[:3]), *row[3:]) for row in rows]

    def resolve(self, topic: str, partition: int, places: Sequence[Place]) -> None:
        """Mark these messages as stored, and drop their values."""
        self._run_places("resolve_failed", topic, partition, places)

    def fail_again(self, topic: str, partition: int, places: Sequence[Place]) -> None:
        """Count one more failed attempt for these messages."""
        self._run_places("fail_again", topic, partition, places)

    def count(self, topic: str) -> dict[str, Parked]:
        """Count the parked messages by state."""
        return {state: Parked(*rest) for state, *rest in self._run("count_failed", topic=topic)}

    def _run_places(self, name: str, topic: str, partition: int, places: Sequence[Place]) -> None:
        self._run(
            name,
            topic=topic,
            partition=partition,
            generations=[place.generation for place in places],
            offsets=[place.offset for place in places],
        )
