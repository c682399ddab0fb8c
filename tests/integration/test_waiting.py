"""`Database.working`: other work while a statement runs, without any effect on the statement."""

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.errors import DatabaseUnavailable, UnstorableRow

_SLOWLY = "SELECT pg_sleep(0.3), 42"
_BYTES = 8 * 1024 * 1024


class Work:
    """Work in a number of parts, which counts its calls."""

    def __init__(self, parts: int = 10**9) -> None:
        self.left = parts
        self.calls = 0

    def __call__(self) -> bool:
        self.calls += 1
        self.left -= 1
        return self.left >= 0


def test_work_is_done_while_a_statement_runs(database: Database) -> None:
    work = Work()
    with database.working(work), database.transaction() as tx:
        assert tx.connection.execute(_SLOWLY).fetchall() == [("", 42)]
    assert work.calls > 10
    done = work.calls
    with database.transaction() as tx:
        tx.connection.execute(_SLOWLY)
    assert work.calls == done


def test_without_work_it_waits_and_tries_again_at_intervals(database: Database) -> None:
    work = Work(parts=0)
    with database.working(work), database.transaction() as tx:
        tx.connection.execute(_SLOWLY)
    assert 1 < work.calls < 1_000  # no busy loop


def test_a_large_copy_is_sent_completely(database: Database) -> None:
    work = Work()
    with database.working(work), database.transaction() as tx:
        connection = tx.connection
        connection.execute("CREATE TEMPORARY TABLE much (part bytea) ON COMMIT DROP")
        with connection.cursor() as cursor, cursor.copy("COPY much FROM STDIN") as copy:
            for _ in range(8):
                copy.write_row([b"x" * (_BYTES // 8)])
        assert connection.execute("SELECT sum(length(part))::int FROM much").fetchone() == (_BYTES,)
    assert work.calls > 0


def test_a_refused_statement_raises_as_usual(database: Database) -> None:
    with database.working(Work()), pytest.raises(UnstorableRow):
        _query(database, "SELECT 1 / (SELECT 0 FROM pg_sleep(0.05))")


def test_a_statement_beyond_the_timeout_raises(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute_with_a_short_timeout() -> None:
        with database.transaction() as tx:
            monkeypatch.setattr(tx.connection, "timeout", 0.1)
            tx.connection.execute("SELECT pg_sleep(60)")

    backend = _query(database, "SELECT pg_backend_pid()")
    with database.working(Work()), pytest.raises(DatabaseUnavailable):
        execute_with_a_short_timeout()
    assert _query(database, "SELECT pg_backend_pid()") != backend


def test_a_connection_lost_meanwhile_raises(database: Database, connection: psycopg.Connection) -> None:
    def cut() -> bool:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
        )
        return False

    with database.working(cut), pytest.raises(DatabaseUnavailable):
        _query(database, "SELECT pg_sleep(60)")


def test_an_error_of_the_work_is_raised_and_the_statement_rolled_back(database: Database) -> None:
    def fail() -> bool:
        raise RuntimeError("the other work")

    _query(database, "CREATE TABLE note (number int)")
    with database.working(fail), pytest.raises(RuntimeError, match="the other work"):
        _query(database, "INSERT INTO note SELECT 1 FROM pg_sleep(60)")
    assert _query(database, "SELECT count(*) FROM note") == [(0,)]


def _query(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.transaction() as tx:
        cursor = tx.connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
