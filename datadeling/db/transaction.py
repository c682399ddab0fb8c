"""A transaction: statements of `queries/` by name, and the write path, which sends many rows at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg.rows import args_row, dict_row
from psycopg.sql import SQL, Composed

from datadeling.db.queries import columns, queries
from datadeling.db.rows import ReplayRow
from datadeling.domain.avtale import COLUMNS, Avtale, Superseded
from datadeling.domain.felt import FELTER, Type
from datadeling.domain.hendelse import Place, Position, Sletting

_T = TypeVar("_T")

_COLUMNS = columns(*COLUMNS)
_AS_TEXT = SQL("avtale_id::text, ") + columns(*COLUMNS[1:])  # the id is text in an `Avtale`, as in messages
STATEMENTS: dict[str, SQL | Composed] = {
    **queries,
    **{name: queries[name].format(columns=_COLUMNS) for name in ("copy_new", "copy_history", "copy_changed")},
    **{
        name: queries[name].format(columns=_AS_TEXT)
        for name in ("select_avtaler", "select_history", "page_of_avtaler")
    },
    "update_changed": queries["update_changed"].format(
        columns=_COLUMNS, changed_columns=columns(*COLUMNS, table="endret_avtale")
    ),
}

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
_TYPES = {felt.column: _COPIED_AS[felt.type] for felt in FELTER} | {
    "generation": "int4",
    "kafka_partition": "int4",
    "kafka_offset": "int8",
    "hendelse_tidspunkt": "timestamptz",
    "mottatt_tidspunkt": "timestamptz",
}
_AVTALE = [_TYPES[column] for column in COLUMNS if column in _TYPES]  # a test names a column that is not


class Erased(NamedTuple):
    """The number of rows that a deletion removed."""

    avtaler: int
    versions: int


class Transaction:
    """One open transaction. Errors have been translated: see `datadeling.db.connection`."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def run(self, name: str, /, **values: object) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement with these values."""
        return self.connection.execute(STATEMENTS[name], values)

    def run_many(self, name: str, values: Iterable[Mapping[str, object]], /) -> None:
        """Run a statement once for each of these."""
        with self.connection.cursor() as cursor:
            cursor.executemany(STATEMENTS[name], list(values))

    def rows(self, row: Callable[..., _T], name: str, /, **values: object) -> list[_T]:
        """Run a statement, and return `row` of the columns of each row."""
        with self.connection.cursor(row_factory=args_row(row), binary=True) as cursor:
            return cursor.execute(STATEMENTS[name], values).fetchall()

    def dicts(self, name: str, /, **values: object) -> list[dict[str, Any]]:
        """Run a statement, and return each row by the names of its columns, for a report."""
        with self.connection.cursor(row_factory=dict_row, binary=True) as cursor:
            return cursor.execute(STATEMENTS[name], values).fetchall()

    def first(self, row: Callable[..., _T], name: str, /, **values: object) -> _T | None:
        """Run a statement, and return `row` of the columns of its first row, or None without any."""
        return next(iter(self.rows(row, name, **values)), None)

    def clock(self) -> datetime:
        """Return the time by the clock that stamps the rows."""
        now: datetime = self.run("clock").fetchall()[0][0]
        return now

    def lock_partition(self, topic: str, partition: int) -> None:
        """Wait, up to `lock_timeout`, until no other transaction writes avtaler of this partition."""
        self.run("lock_partition", topic=topic, partition=partition)

    def positions(self, topic: str) -> dict[int, Position]:
        """Return the positions of all partitions that have ever been read."""
        return {partition: Position(*rest) for partition, *rest in self.run("select_offsets", topic=topic)}

    def earlier_generations(self, topic: str) -> dict[int, list[tuple[int, int]]]:
        """Return by partition, in order, the generations that have ended and the first offset beyond each."""
        ended: dict[int, list[tuple[int, int]]] = {}
        for partition, generation, end in self.run("select_earlier_generations", topic=topic):
            ended.setdefault(partition, []).append((generation, end))
        return ended

    def raise_generation(self, topic: str, beginnings: Mapping[int, int] | None) -> None:
        """Begin the next generation at these offsets, or at the present ones when None is given."""
        self.run("keep_generation" if beginnings is None else "forget_generations", topic=topic)
        self.run("raise_generation", topic=topic)
        for partition, next_offset in (beginnings or {}).items():
            self.run("move_offset", topic=topic, partition=partition, next_offset=next_offset)

    def replays(
        self,
        topic: str,
        *,
        ids: Sequence[int] | None = None,
        states: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[ReplayRow]:
        """Return the replays with these ids and in these states, the newest first; None is any."""
        wanted = {"ids": ids and list(ids), "states": states and list(states), "limit": limit}
        return self.rows(ReplayRow, "select_replays", topic=topic, **wanted)

    def avtaler(self, ids: Sequence[str]) -> dict[str, Avtale]:
        """Return the stored versions of these avtaler."""
        return {avtale.avtale_id: avtale for avtale in self.rows(Avtale, "select_avtaler", ids=_array(ids))}

    def history(self, ids: Sequence[str]) -> dict[str, list[Superseded]]:
        """Return the superseded versions of these avtaler."""
        versions: dict[str, list[Superseded]] = {}
        for version in self.rows(_superseded, "select_history", ids=_array(ids)):
            versions.setdefault(version.avtale.avtale_id, []).append(version)
        return versions

    def markers(self, ids: Sequence[str]) -> dict[str, Place]:
        """Return the places of the tombstones of these avtaler."""
        return {id_: Place(*place) for id_, *place in self.run("select_markers", ids=_array(ids))}

    def delete(self, deletions: Sequence[Sletting]) -> Erased:
        """Erase avtaler and their history up to each tombstone, and leave the markers."""
        values = _deletion_arrays(deletions)
        avtaler = self.run("delete_avtaler", **values).rowcount
        versions = self.run("delete_historikk", **values).rowcount
        self.run("upsert_markers", **values)
        return Erased(avtaler, versions)

    def delete_failed(self, topic: str, deletions: Sequence[Sletting]) -> None:
        """Erase the parked messages of these avtaler up to each tombstone."""
        self.run("delete_failed", topic=topic, **_deletion_arrays(deletions))

    def insert(self, avtaler: Iterable[Avtale]) -> None:
        """Add avtaler of which there is no row."""
        self._copy("copy_new", _AVTALE, map(_row, avtaler))

    def update(self, avtaler: Iterable[Avtale]) -> None:
        """Write new versions over the rows of the same avtaler."""
        self.run("create_changed")
        self._copy("copy_changed", _AVTALE, map(_row, avtaler))
        self.run("update_changed")

    def insert_history(self, versions: Iterable[Superseded]) -> None:
        """Add superseded versions."""
        rows = ((*_row(avtale), fra, til) for avtale, fra, til in versions)
        self._copy("copy_history", [*_AVTALE, "timestamptz", "timestamptz"], rows)

    def _copy(self, name: str, types: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        with self.connection.cursor() as cursor, cursor.copy(STATEMENTS[name]) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)


def place_arrays(places: Iterable[Place]) -> dict[str, list[int]]:
    """Return places as the values `generations`, `partitions` and `offsets` of a statement."""
    places = list(places)
    return {
        "generations": [place.generation for place in places],
        "partitions": [place.partition for place in places],
        "offsets": [place.offset for place in places],
    }


def _deletion_arrays(deletions: Sequence[Sletting]) -> dict[str, object]:
    return {"ids": [s.avtale_id for s in deletions], **place_arrays(s.place for s in deletions)}


def _array(ids: Iterable[str]) -> str:
    """Return UUIDs as the text of an array, which is faster than psycopg's adaptation of each."""
    return "{" + ",".join(ids) + "}"


def _row(avtale: Avtale) -> tuple[object, ...]:
    return (bytes.fromhex(avtale[0].replace("-", "")), *avtale[1:])


def _superseded(*values: Any) -> Superseded:  # noqa: ANN401 (columns)
    return Superseded(Avtale(*values[:-2]), *values[-2:])
