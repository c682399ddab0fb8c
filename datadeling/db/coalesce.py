"""Coalesces lookups that wait at the same time: one statement, one round trip, one commit. See adr/0023."""

from collections.abc import Mapping, Sequence
from threading import Event, Lock
from time import sleep
from typing import NamedTuple

import msgspec
from psycopg.rows import TupleRow

from datadeling.db.pool import Pool
from datadeling.errors import DatabaseBug, DatabaseUnavailable

_LEADERS = 2  # statements of one process at the same time
_MOST = 32  # questions in one statement
_LONGEST_WAIT = 1.0  # seconds until a leader takes a question


class Statement(NamedTuple):
    """One lookup in two forms.

    `single` is bound to the values themselves; `many` to `questions`, a JSON array of the values of each
    question, and returns a row for each in their order.
    """

    single: bytes
    many: bytes


class _Question:
    """A lookup that waits, and its result: `row` or `error`."""

    __slots__ = ("error", "is_answered", "row", "statement", "turn", "values")

    def __init__(self, statement: Statement, values: Mapping[str, object]) -> None:
        self.statement = statement
        self.values = values
        self.turn = Event()  # set when the question is answered, or its caller is to lead
        self.is_answered = False
        self.row: TupleRow | None = None
        self.error: Exception | None = None


class Coalescer:
    """Runs lookups for any number of callers.

    A caller appends its question. If fewer than two callers lead, it leads: it takes all waiting questions,
    up to 32, and runs those with the same statement as one. When it is done, the caller of the first question
    that still waits takes over. So a question that is alone is run at once by its own caller.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = Lock()
        self._waiting: list[_Question] = []
        self._leaders = 0

    def fetch_one(self, statement: Statement, values: Mapping[str, object]) -> TupleRow:
        """Return the row of the statement for these values, once it is committed.

        Blocks for some seconds at most. Raises what `Pool.connection` raises. A question that the database
        refuses harms no other; when the database is unavailable, it is so for all questions of a statement.
        """
        question = _Question(statement, values)
        with self._lock:
            self._waiting.append(question)
            if self._leaders < _LEADERS:
                self._leaders += 1
                question.turn.set()
        try:
            self._await(question)
        except BaseException:
            self._abandon(question)
            raise
        if question.error is not None:
            raise question.error
        assert question.row is not None  # noqa: S101 (each statement returns a row)
        return question.row

    def _await(self, question: _Question) -> None:
        """Return when the question is answered; lead when it is this caller's turn."""
        while not question.is_answered:
            if question.turn.wait(_LONGEST_WAIT):
                question.turn.clear()
                if not question.is_answered:
                    self._lead()
            elif question in self._waiting:
                raise DatabaseUnavailable("no turn in time")

    def _lead(self) -> None:
        """Answer the waiting questions, then hand the lead on."""
        sleep(0)  # let those go first that are about to add a question
        with self._lock:
            taken, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        alike: dict[Statement, list[_Question]] = {}
        for question in taken:
            alike.setdefault(question.statement, []).append(question)
        try:
            for questions in alike.values():
                self._answer(questions)
        finally:
            self._hand_on()
            for question in taken:
                if question.row is None and question.error is None:
                    question.error = DatabaseUnavailable("the leader was cut off")
                question.is_answered = True
                question.turn.set()

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].turn.set()
            else:
                self._leaders -= 1

    def _abandon(self, question: _Question) -> None:
        """Forget a question whose caller gives up. If it was to lead, another one does."""
        with self._lock:
            if question in self._waiting:
                self._waiting.remove(question)
        if question.turn.is_set() and not question.is_answered:
            self._hand_on()

    def _answer(self, questions: Sequence[_Question]) -> None:
        """Set the result of each question. Raises nothing but what ends the caller itself."""
        try:
            self._run(questions)
        except DatabaseUnavailable as error:
            for question in questions:
                question.error = type(error)(*error.args)  # an exception of its own for each caller
        except Exception as error:  # noqa: BLE001 (each caller raises its own)
            if len(questions) == 1:
                questions[0].error = error
                return
            for question in questions:
                self._answer([question])

    def _run(self, questions: Sequence[_Question]) -> None:
        statement = questions[0].statement
        if len(questions) == 1:
            text, values = statement.single, questions[0].values
        else:
            text, values = statement.many, {"questions": _as_json(questions)}
        with self._pool.connection() as connection:
            rows = connection.execute(text, values).fetchall()
        for question, row in zip(questions, rows, strict=True):
            question.row = row


def _as_json(questions: Sequence[_Question]) -> str:
    try:
        return msgspec.json.encode([question.values for question in questions]).decode()
    except (TypeError, ValueError) as error:  # without its text, which may quote a value
        raise DatabaseBug("none", type(error).__name__) from None
