"""Coalesces lookups: those that wait at the same time become one statement. adr/0023 has the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from time import sleep
from typing import NamedTuple

import msgspec
from psycopg.rows import TupleRow

from datadeling.db.pool import Pool
from datadeling.errors import DatabaseBug, DatabaseUnavailable

Values = Mapping[str, object]

_LEADERS = 2
_BATCH = 32
_PATIENCE = 0.02  # seconds to wait for the first leader before a second one leads
_TIMEOUT = 0.8  # seconds to wait for a leader


class Statement(NamedTuple):
    """A lookup in two forms: `single` takes its values, `many` the array `questions` of several in JSON.

    `many` returns a row for each question, in their order.
    """

    single: bytes
    many: bytes


@dataclass(slots=True, eq=False)
class _Question:
    """A lookup and its outcome, `row` or `error`; with neither, the caller leads once it is woken."""

    statement: Statement
    values: Values
    row: TupleRow | None = None
    error: Exception | None = None
    woken: Event = field(default_factory=Event)


class Coalescer:
    """Runs the lookups of all threads: one caller at a time leads, and runs others' with its own.

    A second caller leads beside one that is slow: the larger the batches, the cheaper each lookup.

    Only for lookups that are answered quickly: those of a batch wait for each other, and share a commit.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = Lock()
        self._waiting: list[_Question] = []
        self._leaders = 0

    def fetch_one(self, statement: Statement, values: Values) -> TupleRow:
        """Return the row that the statement gives for these values, when what it has written is committed.

        Blocks until a leader is free, for 0.8 s at most, and then until the statement is done. Raises what
        `Pool.connection` raises: a lookup that the database refuses harms no other, but when the database is
        unavailable, it is so for all of a batch.
        """
        question = _Question(statement, values)
        with self._lock:
            leads = self._leaders == 0
            if leads:
                self._leaders = 1
            else:
                self._waiting.append(question)
        if not leads:
            self._wait(question)
        if question.row is None and question.error is None:
            self._lead(question)
        if question.error is not None:
            raise question.error
        assert question.row is not None  # noqa: S101 (`_run` leaves one of the two)
        return question.row

    def _wait(self, question: _Question) -> None:
        """Return when the question has been run, or is to lead."""
        if question.woken.wait(_PATIENCE):
            return
        with self._lock:
            if question in self._waiting and self._leaders < _LEADERS:
                self._waiting.remove(question)
                self._leaders += 1
                return
        if question.woken.wait(_TIMEOUT):
            return
        with self._lock:
            if question in self._waiting:
                self._waiting.remove(question)
                raise DatabaseUnavailable("too many lookups wait")
        question.woken.wait()  # a leader has it

    def _lead(self, own: _Question) -> None:
        """Run the question with those that wait and are alike; then hand the lead to the first that waits."""
        alike: list[_Question] = []
        try:
            sleep(0)  # let those go first that are about to add a question
            with self._lock:
                alike = [other for other in self._waiting if other.statement == own.statement][: _BATCH - 1]
                for other in alike:
                    self._waiting.remove(other)
            self._run([own, *alike])
        finally:
            for other in alike:
                if other.row is None and other.error is None:  # the leader was interrupted
                    other.error = DatabaseUnavailable("the lookup was interrupted")
                other.woken.set()
            self._hand_on()

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting and self._leaders == 1:
                self._waiting.pop(0).woken.set()
            else:
                self._leaders -= 1

    def _run(self, batch: Sequence[_Question]) -> None:
        """Leave a row or an error in each question."""
        statement = batch[0].statement
        try:
            with self._pool.connection() as connection:
                if len(batch) == 1:
                    rows = connection.execute(statement.single, batch[0].values).fetchall()
                else:
                    rows = connection.execute(statement.many, {"questions": _as_json(batch)}).fetchall()
            for question, row in zip(batch, rows, strict=True):
                question.row = row
        except DatabaseUnavailable as error:
            for question in batch:  # each thread raises its own
                question.error = type(error)(*error.args)
        except Exception as error:  # noqa: BLE001 (raised where the question was asked)
            if len(batch) == 1:
                batch[0].error = error
            else:
                for question in batch:
                    self._run([question])


def _as_json(batch: Sequence[_Question]) -> str:
    """Return an object of values for each question, no nulls. Raise `DatabaseBug` for an unknown type."""
    present = [
        {name: value for name, value in question.values.items() if value is not None} for question in batch
    ]
    try:
        return msgspec.json.encode(present).decode()
    except (TypeError, ValueError) as error:  # whose text quotes
        raise DatabaseBug("none", type(error).__name__) from None
