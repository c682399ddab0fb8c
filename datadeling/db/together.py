"""Lookups that are asked for at the same time, in one exchange with the database and one commit."""

from collections.abc import Mapping, Sequence

import psycopg
from psycopg.rows import TupleRow

from datadeling.crew import meeting
from datadeling.db.connection import translation
from datadeling.db.pool import Pool
from datadeling.errors import DatabaseUnavailable

Values = Mapping[str, object]


class _Statement:
    """What one asks for, and what has come of it: `row` or `error`."""

    __slots__ = ("error", "row", "text", "values")

    def __init__(self, text: bytes, values: Values) -> None:
        self.text = text
        self.values = values
        self.row: TupleRow | None = None
        self.error: Exception | None = None


class Together:
    """Runs the statements of all members of a crew that come to one: adr/0025 has what that saves.

    Only for statements that are quick, and that may share a transaction: those of a run wait for each other.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def fetch_one(self, text: bytes, values: Values) -> TupleRow | None:
        """The first row of what the statement gives; then all that it has done is committed.

        Blocks for as long as the run takes. Raises what `Pool.connection` raises. A statement that the
        database refuses harms no other; when the database is unavailable, it is so for all of a run.
        """
        statement = _Statement(text, values)
        meeting(self._settle, statement)
        if statement.error is not None:
            raise statement.error
        return statement.row

    def _settle(self, run: Sequence[_Statement]) -> None:
        """Leave in each what has come of it. Raises nothing."""
        try:
            rows = self._rows(run)
        except DatabaseUnavailable as error:
            for statement in run:
                statement.error = type(error)(*error.args)  # of its own: each is raised in another thread
        except Exception as error:  # noqa: BLE001 (whoever waits must be told, whatever it is)
            if len(run) == 1:
                run[0].error = error
            else:
                for statement in run:
                    self._settle([statement])
        else:
            for statement, row in zip(run, rows, strict=True):
                statement.row, statement.error = row, None

    def _rows(self, run: Sequence[_Statement]) -> list[TupleRow | None]:
        """What all of them give. Nothing has been done when it raises, unless the connection was lost."""
        with self._pool.connection() as connection:
            if len(run) == 1:
                return [connection.execute(run[0].text, run[0].values).fetchone()]
            try:
                return _in_one(connection, run)
            except psycopg.Error as error:  # by its text alone: that the connection is closed says nothing
                raise translation(error, None, writes=True) from None


def _in_one(connection: psycopg.Connection[TupleRow], run: Sequence[_Statement]) -> list[TupleRow | None]:
    """In one transaction. When it raises, nothing of that is committed, and the connection is closed.

    `Impatient` closes it as soon as something fails with statements under way, so that the end of the
    pipeline does not commit what was sent before.
    """
    try:
        with connection.pipeline():
            cursors = [connection.execute(each.text, each.values) for each in run]
    except Exception:
        connection.close()  # if it is not: the driver takes statements for prepared that never were
        raise
    return [cursor.fetchone() for cursor in cursors]
