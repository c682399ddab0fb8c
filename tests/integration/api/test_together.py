"""Lookups that are asked for at the same time: one run for all that gather while another one runs."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import date

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from datadeling.db import pool as pool_module
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.db.together import Together, Values
from datadeling.domain.oppslag import Search
from datadeling.errors import DatabaseBug, DatabaseUnavailable, UnstorableRow
from tests.acceptance.processes import wait_until
from tests.integration.api.asking import ASKER, find, search, status
from tests.integration.api.rows import FNR, avtale_id, insert, row

_DAY = date(2026, 3, 1)
_HOLD = "SELECT pg_advisory_xact_lock(1)"
_WAIT = b"SELECT pg_advisory_xact_lock_shared(1), 0, pg_current_xact_id()::text"
_NOTE = b"INSERT INTO note VALUES (%(number)s) RETURNING number, pg_current_xact_id()::text"
_WAITING = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

Row = tuple[object, ...] | None
Ask = Callable[[bytes, Values], "Future[Row]"]
HeldUp = Callable[[], AbstractContextManager["Future[Row]"]]


@pytest.fixture
def together(
    db_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Together]:
    """Over connections without the limits of time that would end a test on a slow machine."""
    monkeypatch.setattr(pool_module, "_PATIENCE", 60.0)
    monkeypatch.setattr(pool_module._Checked, "patience", 60.0)
    connection.execute("CREATE TABLE note (number int CHECK (number > 0))")
    pool = Pool(make_conninfo(db_url, options="-c lock_timeout=0 -c statement_timeout=0"), 2)
    pool.open()
    yield Together(pool)
    pool.close()


@pytest.fixture
def holder(db_url: str) -> Iterator[psycopg.Connection]:
    """Another session, in a transaction of its own, which may hold others up."""
    with psycopg.connect(db_url) as holder:
        yield holder


@pytest.fixture
def held_up(together: Together, connection: psycopg.Connection, holder: psycopg.Connection) -> HeldUp:
    """A run that goes on until the block ends: all that is asked in the block gathers."""

    @contextmanager
    def held() -> Iterator["Future[Row]"]:
        with ThreadPoolExecutor(1) as thread, holder.transaction():
            holder.execute(_HOLD)
            first = thread.submit(together.fetch_one, _WAIT, {})
            wait_until(lambda: _waits(connection), "the first run waits for the lock")
            yield first

    return held


@pytest.fixture
def ask(together: Together) -> Iterator[Ask]:
    """Ask in a thread of its own; returns when that one waits for its turn, or has been answered."""
    with ThreadPoolExecutor(8) as threads:

        def asked(text: bytes, values: Values) -> "Future[Row]":
            before = together.gathered
            future = threads.submit(together.fetch_one, text, values)
            wait_until(lambda: future.done() or together.gathered > before, "it waits for its turn")
            return future

        yield asked


def _waits(connection: psycopg.Connection) -> bool:
    return connection.execute(f"SELECT count(*) {_WAITING}").fetchall() == [(1,)]


def _end_who_waits(connection: psycopg.Connection) -> None:
    found = connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {_WAITING}")
    assert found.fetchall() == [(True,)]


def _notes(connection: psycopg.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM note ORDER BY number")]


def test_who_is_alone_does_not_wait(together: Together) -> None:
    assert [row and row[0] for row in (together.fetch_one(_NOTE, {"number": n}) for n in (1, 2))] == [1, 2]
    assert together.fetch_one(b"SELECT 1 WHERE %(no)s", {"no": False}) is None


def test_all_that_gather_share_a_commit_and_each_has_its_own_answer(
    ask: Ask, held_up: HeldUp, connection: psycopg.Connection
) -> None:
    for _ in range(8):  # the driver prepares what it meets often
        with held_up() as first:
            futures = [ask(_NOTE, {"number": number}) for number in range(1, 7)]
        before, answers = first.result(30), [future.result(30) for future in futures]
        assert [answer and answer[0] for answer in answers] == [1, 2, 3, 4, 5, 6]
        (transaction,) = {answer and answer[1] for answer in answers}
        assert before is not None
        assert before[2] != transaction
    assert _notes(connection) == sorted([1, 2, 3, 4, 5, 6] * 8)


def test_in_a_crowd_each_has_its_own_answer(together: Together, connection: psycopg.Connection) -> None:
    """Now one and then another statement, so that runs hold both, in any order."""

    def mine(number: int) -> bool:
        row = together.fetch_one(_NOTE if number % 3 else b"SELECT %(number)s::int", {"number": number})
        return row is not None and row[0] == number

    numbers = range(1, 1_001)
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(mine, numbers))
    assert _notes(connection) == [number for number in numbers if number % 3]


def test_one_that_is_refused_harms_no_other(
    ask: Ask, held_up: HeldUp, connection: psycopg.Connection
) -> None:
    for _ in range(8):
        with held_up() as first:
            futures = [ask(_NOTE, {"number": number}) for number in (1, 0, 2)]
            unknown = ask(b"SELECT hemmelig", {})
            unsendable = ask(_NOTE, {"number": object()})
            last = ask(_NOTE, {"number": 3})
        assert first.result(30)
        with pytest.raises(UnstorableRow):
            futures[1].result(30)
        with pytest.raises(DatabaseBug):
            unknown.result(30)
        with pytest.raises(DatabaseBug):
            unsendable.result(30)
        answers = [future.result(30) for future in (futures[0], futures[2], last)]
        assert [answer and answer[0] for answer in answers] == [1, 2, 3]
    assert _notes(connection) == [1] * 8 + [2] * 8 + [3] * 8


def test_what_was_sent_before_one_that_cannot_be_is_not_done_twice(
    ask: Ask, held_up: HeldUp, connection: psycopg.Connection
) -> None:
    with held_up():
        futures = [ask(_NOTE, {"number": 1}), ask(_NOTE, {"number": object()}), ask(_NOTE, {"number": 2})]
    with pytest.raises(DatabaseBug):
        futures[1].result(30)
    assert [(answer := futures[n].result(30)) and answer[0] for n in (0, 2)] == [1, 2]
    assert _notes(connection) == [1, 2]


def test_when_the_database_goes_all_of_a_run_are_told_and_the_next_is_answered(
    ask: Ask, held_up: HeldUp, connection: psycopg.Connection
) -> None:
    with held_up() as first:
        numbers = [ask(_NOTE, {"number": 1}), ask(_WAIT, {}), ask(_NOTE, {"number": 2})]
        _end_who_waits(connection)
        with pytest.raises(DatabaseUnavailable):
            first.result(30)
        wait_until(lambda: _waits(connection), "the second run waits for the lock")
        following = ask(_NOTE, {"number": 3})
        _end_who_waits(connection)
        for future in numbers:
            with pytest.raises(DatabaseUnavailable):
                future.result(30)
    answer = following.result(30)
    assert answer is not None
    assert answer[0] == 3
    assert _notes(connection) == [3]


def test_nobody_waits_for_a_database_that_is_not_there() -> None:
    pool = Pool("postgresql://127.0.0.1:1/nobody", 1)
    pool.open()
    together = Together(pool)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(together.fetch_one, b"SELECT 1", {}) for _ in range(4)]
        for future in futures:
            with pytest.raises(DatabaseUnavailable):
                future.result(30)
    pool.close()


def test_lookups_of_one_person_or_avtale_gather_and_others_do_not(
    lookups: Lookups, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(connection, [row(1)])
    runs: list[bytes] = []
    fetch_one = Together.fetch_one

    def noted(together: Together, text: bytes, values: Values) -> Row:
        runs.append(text)
        return fetch_one(together, text, values)

    monkeypatch.setattr(Together, "fetch_one", noted)
    status(lookups, [FNR], _DAY)
    search(lookups, [FNR])
    find(lookups, avtale_id(1))
    lookups.history(ASKER, avtale_id(1), ())
    assert len(runs) == 4
    lookups.tiltaksstatus_bolk(ASKER, [[FNR]], _DAY, (), None)
    lookups.search(ASKER, Search(bedrift_nr="999999999"), (), 100)
    lookups.search(ASKER, Search(tiltakstype="MENTOR"), (), 100)
    assert len(runs) == 4
