"""Who waits for the database does something else meanwhile, and loses nothing by it."""

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.errors import DatabaseUnavailable, UnstorableRow

_SLOWLY = "SELECT pg_sleep(0.3), 42"
_BYTES = 8 * 1024 * 1024


class Work:
    """Has so many parts, and counts how often it was asked for one."""

    def __init__(self, parts: int = 10**9) -> None:
        self.left = parts
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        self.left -= 1
        return self.left >= 0


def test_work_is_done_while_the_server_takes_its_time(database: Database) -> None:
    work = Work()
    with database.working(work), database.transaction() as tx:
        assert tx._connection.execute(_SLOWLY).fetchall() == [("", 42)]
    assert work.asked > 10
    done = work.asked
    with database.transaction() as tx:
        tx._connection.execute(_SLOWLY)
    assert work.asked == done


def test_where_there_is_no_work_it_waits_and_asks_now_and_then(database: Database) -> None:
    work = Work(parts=0)
    with database.working(work), database.transaction() as tx:
        tx._connection.execute(_SLOWLY)
    assert 1 < work.asked < 1_000  # it has not turned in circles


def test_what_the_server_cannot_take_at_once_is_sent_whole(database: Database) -> None:
    work = Work()
    with database.working(work), database.transaction() as tx:
        connection = tx._connection
        connection.execute("CREATE TEMPORARY TABLE much (part bytea) ON COMMIT DROP")
        with connection.cursor() as cursor, cursor.copy("COPY much FROM STDIN") as copy:
            for _ in range(8):
                copy.write_row([b"x" * (_BYTES // 8)])
        assert connection.execute("SELECT sum(length(part))::int FROM much").fetchone() == (_BYTES,)
    assert work.asked > 0


def test_what_is_refused_is_told_as_ever(database: Database) -> None:
    with database.working(Work()), pytest.raises(UnstorableRow):
        _ask(database, "SELECT 1 / (SELECT 0 FROM pg_sleep(0.05))")


def test_a_server_that_does_not_answer_in_time_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask_impatiently() -> None:
        with database.transaction() as tx:
            monkeypatch.setattr(tx._connection, "timeout", 0.1)
            tx._connection.execute("SELECT pg_sleep(60)")

    backend = _ask(database, "SELECT pg_backend_pid()")
    with database.working(Work()), pytest.raises(DatabaseUnavailable):
        ask_impatiently()
    assert _ask(database, "SELECT pg_backend_pid()") != backend


def test_a_connection_that_is_cut_meanwhile_is_noticed(
    database: Database, connection: psycopg.Connection
) -> None:
    def cut() -> bool:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
        )
        return False

    with database.working(cut), pytest.raises(DatabaseUnavailable):
        _ask(database, "SELECT pg_sleep(60)")


def test_an_error_of_the_work_comes_out_and_nothing_is_left_half_done(database: Database) -> None:
    def fail() -> bool:
        raise RuntimeError("the other work")

    _ask(database, "CREATE TABLE note (number int)")
    with database.working(fail), pytest.raises(RuntimeError, match="the other work"):
        _ask(database, "INSERT INTO note SELECT 1 FROM pg_sleep(60)")
    assert _ask(database, "SELECT count(*) FROM note") == [(0,)]


def _ask(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.transaction() as tx:
        cursor = tx._connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
