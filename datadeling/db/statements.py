"""Named statements inside an open transaction."""

from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg.sql import SQL

from datadeling.db.queries import queries


class Statements:
    """Statements on one connection. Errors are translated where the transaction was begun."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **values: object) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(queries[name], values)

    def _text(self, name: str) -> SQL:
        return queries[name]


def uuid_array(ids: Iterable[str]) -> str:
    """Return UUIDs as the text of an array."""
    return "{" + ",".join(ids) + "}"
