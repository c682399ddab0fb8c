"""The content of the database in the form of the plain fold, and the rows that were written."""

from typing import Any

import psycopg

from tests.integration.plain import Parked, Row
from tests.integration.plans import REFUSED

_TABLES = ("avtale", "avtale_historikk", "avtale_slettet", "failed_message", "consumer_offset")
_CONTENT = "extract(second FROM endret_tidspunkt)::int, avtale_status || ' ' || bedrift_nr"


Trace = list[tuple[Any, ...]]


class Inside:
    """Reads the tables over a connection of its own."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def clear(self) -> None:
        """Empty all tables, and let the database refuse some avtaler that `decode` accepts."""
        self.mend()
        self._connection.execute(f"TRUNCATE {', '.join(_TABLES)}")
        for table in _TABLES[:2]:
            self._connection.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK (bedrift_nr <> '{REFUSED}')"
            )

    def mend(self) -> None:
        """Let the database accept all avtaler."""
        for table in _TABLES[:2]:
            self._connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS refused")

    def traces(self) -> list[Trace]:
        """Return the position and the transaction of each row, table by table in the order of `tables`."""
        return [self._rows(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY ctid") for table in _TABLES]

    def tables(self) -> tuple[object, ...]:
        """Return the content in the form of `Plain.tables`."""
        present = self._rows(
            f"SELECT avtale_id::text, {_CONTENT}, kafka_offset, hendelse_tidspunkt FROM avtale"
        )
        history = self._rows(
            f"SELECT avtale_id::text, {_CONTENT}, kafka_offset, gyldig_fra, gyldig_til FROM avtale_historikk"
        )
        markers = self._rows("SELECT avtale_id::text, kafka_partition, kafka_offset FROM avtale_slettet")
        failed = self._rows("SELECT kafka_partition, kafka_offset, key, value, state FROM failed_message")
        offsets = self._rows("SELECT kafka_partition, next_offset, unreadable_in_a_row FROM consumer_offset")
        return (
            {avtale: Row((edited, rest), *row) for avtale, edited, rest, *row in present},
            sorted((avtale, Row((edited, rest), *row), til) for avtale, edited, rest, *row, til in history),
            {avtale: (partition, offset) for avtale, partition, offset in markers},
            {(partition, offset): Parked(*row) for partition, offset, *row in failed},
            {partition: (offset, in_a_row) for partition, offset, in_a_row in offsets},
        )

    def next_offsets(self) -> dict[int, int]:
        """Return the next offset of each partition."""
        return dict(self._rows("SELECT kafka_partition, next_offset FROM consumer_offset"))

    def _rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()
