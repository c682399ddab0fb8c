"""How a named statement is run inside an open transaction."""

from typing import Any

import psycopg

from datadeling.db.queries import queries


class Statements:
    """Statements on one connection. What they raise is translated where the transaction was begun."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def _run(self, name: str, **values: object) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(queries[name], values)
