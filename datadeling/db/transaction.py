"""What the write path asks of PostgreSQL, nearly always one statement a method."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import args_row
from psycopg.sql import SQL, Composed

from datadeling.db.queries import columns, queries
from datadeling.domain.avtale import COLUMNS, Avtale, Superseded
from datadeling.domain.hendelse import Place, Position, Sletting


class FailedMessage(NamedTuple):
    """A parked message with what a retry needs of it."""

    place: Place
    hendelse_tidspunkt: datetime
    key: bytes | None
    value: bytes | None


_COPY_NEW = queries["copy_new"].format(columns=columns(*COLUMNS))
_COPY_HISTORY = queries["copy_history"].format(columns=columns(*COLUMNS))
_COPY_CHANGED = queries["copy_changed"].format(columns=columns(*COLUMNS))
_UPDATE_CHANGED = queries["update_changed"].format(
    columns=columns(*COLUMNS), changed_columns=columns(*COLUMNS, table="endret_avtale")
)
_SELECT_AVTALER = queries["select_avtaler"].format(
    # as text, as in the messages; everything else comes back as it went in
    columns=SQL("avtale_id::text, ") + columns(*COLUMNS[1:])
)


class Transaction:
    """One open transaction. What it raises has been translated: see `datadeling.db.connection`."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def lock_partition(self, topic: str, partition: int) -> None:
        """Wait, up to `lock_timeout`, until no other transaction writes avtaler of this partition."""
        self._run("lock_partition", topic=topic, partition=partition)

    def insert_offset(self, topic: str, partition: int, next_offset: int, historikk_fra: datetime) -> None:
        """Begin a partition that is not known yet at `next_offset`."""
        self._run(
            "insert_offset",
            topic=topic,
            partition=partition,
            next_offset=next_offset,
            historikk_fra=historikk_fra,
        )

    def position(self, topic: str, partition: int) -> Position | None:
        """Where the partition stands, or None when it has never been read."""
        row = self._run("select_offset", topic=topic, partition=partition).fetchone()
        return Position(*row) if row else None

    def advance_offset(self, topic: str, partition: int, start: Position, end: Position) -> bool:
        """Move on from exactly `start` to `end`. False when the partition stands somewhere else."""
        cursor = self._run(
            "advance_offset",
            topic=topic,
            partition=partition,
            generation=start.generation,
            unreadable_in_a_row=end.unreadable_in_a_row,
            to=end.next_offset,
            **{"from": start.next_offset},
        )
        return cursor.rowcount == 1

    def avtaler(self, ids: Sequence[str]) -> dict[str, Avtale]:
        """The stored versions of these avtaler."""
        with self._connection.cursor(row_factory=args_row(Avtale), binary=True) as cursor:
            rows = cursor.execute(_SELECT_AVTALER, {"ids": list(ids)}).fetchall()
        return {avtale.avtale_id: avtale for avtale in rows}

    def markers(self, ids: Sequence[str]) -> dict[str, Place]:
        """The places of these avtaler's tombstones."""
        rows = self._run("select_markers", ids=list(ids)).fetchall()
        return {avtale_id: Place(*place) for avtale_id, *place in rows}

    def delete(self, topic: str, deletions: Sequence[Sletting], key_mismatch: str) -> None:
        """Erase avtaler, their history and failed messages up to each tombstone, and leave the markers.

        Failed messages with this reason stay: their key says nothing about them.
        """
        values = {
            "topic": topic,
            "key_mismatch": key_mismatch,
            "ids": [s.avtale_id for s in deletions],
            "generations": [s.place.generation for s in deletions],
            "partitions": [s.place.partition for s in deletions],
            "offsets": [s.place.offset for s in deletions],
        }
        for name in ("delete_avtaler", "delete_historikk", "delete_failed", "upsert_markers"):
            self._run(name, **values)

    def insert(self, avtaler: Iterable[Avtale]) -> None:
        """Add avtaler of which there is no row."""
        self._copy(_COPY_NEW, avtaler)

    def update(self, avtaler: Iterable[Avtale]) -> None:
        """Write new versions over the rows of the same avtaler."""
        self._run("create_changed")
        self._copy(_COPY_CHANGED, avtaler)
        self._connection.execute(_UPDATE_CHANGED)

    def insert_history(self, versions: Iterable[Superseded]) -> None:
        """Add superseded versions."""
        self._copy(_COPY_HISTORY, ((*avtale, fra, til) for avtale, fra, til in versions))

    def park(self, topic: str, rows: Iterable[dict[str, Any]]) -> None:
        """Keep messages that cannot be used; a place that is known already is left as it is."""
        with self._connection.cursor() as cursor:
            cursor.executemany(queries["park"], [{"topic": topic, **row} for row in rows])

    def has_new_failed(self, topic: str) -> bool:
        """True when any parked message of the topic waits to be handled."""
        row = self._run("has_new_failed", topic=topic).fetchone()
        return bool(row and row[0])

    def supersede_failed(self, topic: str, stored: dict[str, Place], key_mismatch: str) -> None:
        """Mark the parked messages that a stored message of the same key has made outdated."""
        self._run(
            "supersede_failed",
            topic=topic,
            key_mismatch=key_mismatch,
            ids=list(stored),
            generations=[place.generation for place in stored.values()],
            offsets=[place.offset for place in stored.values()],
        )

    def new_failed(self, topic: str, after: Place, limit: int) -> list[FailedMessage]:
        """Parked messages of a partition in state `new`, in the order of the log, after this place."""
        rows = self._run(
            "select_new_failed",
            topic=topic,
            partition=after.partition,
            generation=after.generation,
            offset=after.offset,
            limit=limit,
        ).fetchall()
        return [FailedMessage(Place(*row[:3]), *row[3:]) for row in rows]

    def resolve_failed(self, topic: str, partition: int, places: Sequence[Place]) -> None:
        """These parked messages have been stored: drop their values."""
        self._run_places("resolve_failed", topic, partition, places)

    def fail_again(self, topic: str, partition: int, places: Sequence[Place]) -> None:
        """These parked messages were tried once more, in vain."""
        self._run_places("fail_again", topic, partition, places)

    def count_failed(self, topic: str) -> dict[str, int]:
        """How many failed messages there are, by state."""
        return dict(self._run("count_failed", topic=topic).fetchall())

    def _run_places(self, name: str, topic: str, partition: int, places: Sequence[Place]) -> None:
        self._run(
            name,
            topic=topic,
            partition=partition,
            generations=[place.generation for place in places],
            offsets=[place.offset for place in places],
        )

    def _run(self, name: str, **values: object) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(queries[name], values)

    def _copy(self, statement: Composed, rows: Iterable[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
