"""Lookups that are asked for at the same time, in one exchange with the database and one commit."""

from collections.abc import Mapping, Sequence
from enum import Enum
from queue import SimpleQueue
from threading import Lock

import psycopg
from psycopg.rows import TupleRow

from datadeling.db.connection import translation
from datadeling.db.pool import Pool
from datadeling.errors import DatabaseUnavailable

Values = Mapping[str, object]


class _Told(Enum):
    RUN = "run all that have gathered, your own first of all"
    DONE = "it is done"


class _Statement:
    """What one thread asks for, and what has come of it: `row` or `error`."""

    __slots__ = ("error", "row", "text", "told", "values")

    def __init__(self, text: bytes, values: Values) -> None:
        self.text = text
        self.values = values
        self.row: TupleRow | None = None
        self.error: Exception | None = DatabaseUnavailable("the run was broken off")  # until it is done
        self.told = SimpleQueue[_Told]()


class Together:
    """Runs statements for threads: one run at a time, and all that have gathered meanwhile in the next one.

    Who finds nobody running does not wait. Only for statements that are quick, and that may share a
    transaction: those of a run wait for each other. adr/0025 has what that saves.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = Lock()
        self._gathered: list[_Statement] = []
        self._is_running = False

    @property
    def gathered(self) -> int:
        """How many wait for the next run."""
        return len(self._gathered)

    def fetch_one(self, text: bytes, values: Values) -> TupleRow | None:
        """The first row of what the statement gives; then all that it has done is committed.

        Blocks for as long as two runs take. Raises what `Pool.connection` raises. A statement that the
        database refuses harms no other; when the database is unavailable, it is so for all of a run.
        """
        statement = _Statement(text, values)
        with self._lock:
            self._gathered.append(statement)
            is_first, self._is_running = not self._is_running, True
        if is_first or statement.told.get() is _Told.RUN:
            self._run()
        if statement.error is not None:
            raise statement.error
        return statement.row

    def _run(self) -> None:
        """Run what has gathered, our own first of all, and let the next of those who came meanwhile go on."""
        with self._lock:
            run, self._gathered = self._gathered, []
        try:
            self._settle(run)
        finally:
            with self._lock:
                following = self._gathered[0] if self._gathered else None
                self._is_running = following is not None
            if following is not None:
                following.told.put(_Told.RUN)
            for statement in run[1:]:
                statement.told.put(_Told.DONE)

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
