"""Lookups that are asked for at the same time: one statement, one exchange with the database, one commit."""

from collections.abc import Mapping, Sequence

import msgspec
import psycopg
from psycopg.rows import TupleRow

from datadeling.crew import meeting
from datadeling.db.connection import translation
from datadeling.db.pool import Pool
from datadeling.errors import DatabaseBug, DatabaseUnavailable

Values = Mapping[str, object]


class _Question:
    """What one asks for, and what has come of it: `row` or `error`."""

    __slots__ = ("alone", "error", "row", "together", "values")

    def __init__(self, alone: bytes, together: bytes, values: Values) -> None:
        self.alone = alone
        self.together = together
        self.values = values
        self.row: TupleRow | None = None
        self.error: Exception | None = None


class Coalescer:
    """Asks what all members of a crew ask that come to one: adr/0025 and adr/0028 have what that saves.

    Only for questions that are answered quickly, and that may share a transaction: those of a run wait for
    each other.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def fetch_one(self, alone: bytes, together: bytes, values: Values) -> TupleRow:
        """The row that the question gives for these values; then all that it has done is committed.

        It is told in two ways: for one who is `alone`, bound to the values, and for all `together` who ask in
        the same words, bound to `spurt`: their values as a JSON array. That gives a row for each, in their
        order. Blocks for as long as the run takes. Raises what `Pool.connection` raises. A question that the
        database refuses harms no other; when the database is unavailable, it is so for all of a run.
        """
        question = _Question(alone, together, values)
        meeting(self._settle, question)
        if question.error is not None:
            raise question.error
        assert question.row is not None  # noqa: S101 (see `_rows`)
        return question.row

    def _settle(self, run: Sequence[_Question]) -> None:
        """Leave in each what has come of it. Raises nothing."""
        try:
            self._ask(run)
        except DatabaseUnavailable as error:
            for question in run:
                question.error = type(error)(*error.args)  # of its own: each is raised in another thread
        except Exception as error:  # noqa: BLE001 (whoever waits must be told, whatever it is)
            if len(run) == 1:
                run[0].error = error
            else:
                for question in run:
                    self._settle([question])

    def _ask(self, run: Sequence[_Question]) -> None:
        """Leave the rows in all. Nothing has been done when it raises, unless the connection was lost."""
        alike: dict[bytes, list[_Question]] = {}
        for question in run:
            alike.setdefault(question.together, []).append(question)
        bound = dict(map(_bound, alike.values()))
        with self._pool.connection() as connection:
            if len(bound) == 1:
                found = [connection.execute(text, values).fetchall() for text, values in bound.items()]
            else:
                try:
                    found = _in_one(connection, bound)
                except (
                    psycopg.Error
                ) as error:  # by its text alone: that the connection is closed says nothing
                    raise translation(error, None, writes=True) from None
        for questions, rows in zip(alike.values(), found, strict=True):
            for question, row in zip(questions, rows, strict=True):
                question.row, question.error = row, None


def _bound(questions: Sequence[_Question]) -> tuple[bytes, Values]:
    """The statement to run for those that are alike, and what it is bound to."""
    first = questions[0]
    if len(questions) == 1:
        return first.alone, first.values
    return first.together, {"spurt": _as_json(questions)}


def _as_json(questions: Sequence[_Question]) -> str:
    """What they ask for. What is not there is null."""
    given = [{name: value for name, value in each.values.items() if value is not None} for each in questions]
    try:
        return msgspec.json.encode(given).decode()
    except (TypeError, ValueError) as error:  # without its text
        raise DatabaseBug("none", type(error).__name__) from None


def _in_one(connection: psycopg.Connection[TupleRow], bound: Mapping[bytes, Values]) -> list[list[TupleRow]]:
    """In one transaction. When it raises, nothing of that is committed, and the connection is closed.

    `DeadlineConnection` closes it as soon as something fails with statements under way, so that the end of
    the pipeline does not commit what was sent before.
    """
    try:
        with connection.pipeline():
            cursors = [connection.execute(text, values) for text, values in bound.items()]
    except Exception:
        connection.close()  # if it is not: the driver takes statements for prepared that never were
        raise
    return [cursor.fetchall() for cursor in cursors]
