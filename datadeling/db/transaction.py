"""A transaction and the statements of the write path, nearly always one for each method."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import args_row
from psycopg.sql import SQL

from datadeling.db.queries import columns, queries
from datadeling.db.statements import Statements, uuid_array
from datadeling.db.tables.audit import Audit
from datadeling.db.tables.lookup_log import LookupLog
from datadeling.db.tables.operator import Operator
from datadeling.db.tables.parking import Parking
from datadeling.db.tables.replays import Replays
from datadeling.db.tables.retention import Prunable
from datadeling.db.tables.verification import Verification
from datadeling.domain.avtale import COLUMNS, Avtale, Superseded
from datadeling.domain.felt import FELTER, Type
from datadeling.domain.hendelse import Place, Position, Sletting


class Erased(NamedTuple):
    """The number of rows that a deletion removed."""

    avtaler: int
    versions: int


_COPY_NEW = queries["copy_new"].format(columns=columns(*COLUMNS)).as_bytes()
_COPY_HISTORY = queries["copy_history"].format(columns=columns(*COLUMNS)).as_bytes()
_COPY_CHANGED = queries["copy_changed"].format(columns=columns(*COLUMNS)).as_bytes()
_UPDATE_CHANGED = queries["update_changed"].format(
    columns=columns(*COLUMNS), changed_columns=columns(*COLUMNS, table="endret_avtale")
)
# The id is text in an `Avtale`, as in the messages.
_SELECTED = SQL("avtale_id::text, ") + columns(*COLUMNS[1:])
_SELECT_AVTALER = queries["select_avtaler"].format(columns=_SELECTED)
_SELECT_HISTORY = queries["select_history"].format(columns=_SELECTED)

# Types of the binary form of COPY, which takes less CPU than the text form on both sides. The id of an avtale
# is sent as the 16 bytes of a uuid.
_COPIED_AS = {
    Type.UUID: "bytea",
    Type.TEXT: "text",
    Type.INTEGER: "int4",
    Type.NUMBER: "numeric",
    Type.DATE: "date",
    Type.TIME: "timestamptz",
    Type.BOOLEAN: "bool",
}
_COLUMN_TYPES = {felt.column: _COPIED_AS[felt.type] for felt in FELTER} | {
    "generation": "int4",
    "kafka_partition": "int4",
    "kafka_offset": "int8",
    "hendelse_tidspunkt": "timestamptz",
    "mottatt_tidspunkt": "timestamptz",
}
_AVTALE = [_COLUMN_TYPES[column] for column in COLUMNS]
_SUPERSEDED = [*_AVTALE, "timestamptz", "timestamptz"]


class Transaction(Statements):
    """One open transaction: the statements of the write path, and the others by subject.

    Errors have been translated: see `datadeling.db.connection`.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        super().__init__(connection)
        self.parking = Parking(connection)
        self.operator = Operator(connection)
        self.replays = Replays(connection)
        self.pruning = Prunable(connection)
        self.lookup_log = LookupLog(connection)
        self.audit = Audit(connection)
        self.verification = Verification(connection)

    def slot_lags(self) -> dict[str, int]:
        """Return the number of bytes that the reader of each replication slot is behind."""
        return dict(self._run("slot_lags"))

    def lock_partition(self, topic: str, partition: int) -> None:
        """Wait, up to `lock_timeout`, until no other transaction writes avtaler of this partition."""
        self._run("lock_partition", topic=topic, partition=partition)

    def insert_offset(self, topic: str, partition: int, next_offset: int, historikk_fra: datetime) -> None:
        """Begin a new partition at `next_offset`."""
        self._run(
            "insert_offset",
            topic=topic,
            partition=partition,
            next_offset=next_offset,
            historikk_fra=historikk_fra,
        )

    def position(self, topic: str, partition: int) -> Position | None:
        """Return the position of the partition, or None when it has never been read."""
        row = self._run("select_offset", topic=topic, partition=partition).fetchone()
        return Position(*row) if row else None

    def positions(self, topic: str) -> dict[int, Position]:
        """Return the positions of all partitions that have ever been read."""
        return {partition: Position(*rest) for partition, *rest in self._run("select_offsets", topic=topic)}

    def is_of_topic(self, topic: str, partition: int, topic_id: str) -> bool:
        """Return True if the partition's offset belongs to this topic. The first topic takes it."""
        self._run("recognise_topic", topic=topic, partition=partition, topic_id=topic_id)
        row = self._run("select_topic_id", topic=topic, partition=partition).fetchone()
        return row is not None and row[0] == topic_id

    def earlier_generations(self, topic: str) -> dict[int, list[tuple[int, int]]]:
        """Return by partition, in order, the generations that have ended and the first offset beyond each."""
        ended: dict[int, list[tuple[int, int]]] = {}
        for partition, generation, end in self._run("select_earlier_generations", topic=topic):
            ended.setdefault(partition, []).append((generation, end))
        return ended

    def advance_offset(self, topic: str, partition: int, start: Position, end: Position) -> bool:
        """Move from exactly `start` to `end`. Return False when the partition's position is another one."""
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
        """Return the stored versions of these avtaler."""
        with self._connection.cursor(row_factory=args_row(Avtale), binary=True) as cursor:
            rows = cursor.execute(_SELECT_AVTALER, {"ids": uuid_array(ids)}).fetchall()
        return {avtale.avtale_id: avtale for avtale in rows}

    def history(self, ids: Sequence[str]) -> dict[str, list[Superseded]]:
        """Return the superseded versions of these avtaler."""
        versions: dict[str, list[Superseded]] = {}
        with self._connection.cursor(binary=True) as cursor:
            for *avtale, fra, til in cursor.execute(_SELECT_HISTORY, {"ids": uuid_array(ids)}):
                version = Superseded(Avtale(*avtale), fra, til)
                versions.setdefault(version.avtale.avtale_id, []).append(version)
        return versions

    def markers(self, ids: Sequence[str]) -> dict[str, Place]:
        """Return the places of the tombstones of these avtaler."""
        rows = self._run("select_markers", ids=uuid_array(ids)).fetchall()
        return {avtale_id: Place(*place) for avtale_id, *place in rows}

    def delete(self, deletions: Sequence[Sletting]) -> Erased:
        """Erase avtaler and their history up to each tombstone, and leave the markers."""
        values = {
            "ids": [s.avtale_id for s in deletions],
            "generations": [s.place.generation for s in deletions],
            "partitions": [s.place.partition for s in deletions],
            "offsets": [s.place.offset for s in deletions],
        }
        avtaler = self._run("delete_avtaler", **values).rowcount
        versions = self._run("delete_historikk", **values).rowcount
        self._run("upsert_markers", **values)
        return Erased(avtaler, versions)

    def insert(self, avtaler: Iterable[Avtale]) -> None:
        """Add avtaler of which there is no row."""
        self._copy(_COPY_NEW, _AVTALE, map(_row, avtaler))

    def update(self, avtaler: Iterable[Avtale]) -> None:
        """Write new versions over the rows of the same avtaler."""
        self._run("create_changed")
        self._copy(_COPY_CHANGED, _AVTALE, map(_row, avtaler))
        self._connection.execute(_UPDATE_CHANGED)

    def insert_history(self, versions: Iterable[Superseded]) -> None:
        """Add superseded versions."""
        rows = ((*_row(avtale), fra, til) for avtale, fra, til in versions)
        self._copy(_COPY_HISTORY, _SUPERSEDED, rows)

    def _copy(self, statement: bytes, types: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)


def _row(avtale: Avtale) -> tuple[object, ...]:
    return (bytes.fromhex(avtale[0].replace("-", "")), *avtale[1:])
