"""Lookups that wait at the same time share a statement and a commit, and each gets its own answer."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial
from threading import Thread

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from datadeling.db import coalesce as module
from datadeling.db import pool as pool_module
from datadeling.db.coalesce import Coalescer, Statement
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.errors import DatabaseBug, DatabaseUnavailable, UnstorableRow
from tests.integration.api.lookups import find, look_up_together, search, status
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row
from tests.waiting import wait_until

_ROWS = "json_to_recordset(%(questions)s::json) AS question (number int)"
_NOTE = Statement(
    b"INSERT INTO note VALUES (%(number)s) RETURNING number, pg_current_xact_id()::text",
    f"INSERT INTO note SELECT number FROM {_ROWS} RETURNING number, pg_current_xact_id()::text".encode(),
)
_SELECT = Statement(b"SELECT %(number)s::int", f"SELECT number FROM {_ROWS}".encode())
_REFUSED = Statement(b"SELECT hemmelig", b"SELECT hemmelig, %(questions)s")
_WAIT = Statement(
    b"SELECT pg_advisory_xact_lock_shared(1)", f"SELECT pg_advisory_xact_lock_shared(1) FROM {_ROWS}".encode()
)
_WAITING = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

Row = tuple[object, ...]
Question = tuple[Statement, object]


@pytest.fixture
def coalescer(
    db_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Coalescer]:
    """Without the limits of time that would end a test on a slow machine."""
    monkeypatch.setattr(pool_module, "_TIMEOUT", 60.0)
    monkeypatch.setattr(pool_module, "_WAIT", 60.0)
    monkeypatch.setattr(pool_module._PooledConnection, "timeout", 60.0)
    monkeypatch.setattr(module, "_TIMEOUT", 60.0)
    monkeypatch.setattr(module, "_PATIENCE", 60.0)
    connection.execute("CREATE TABLE note (number int CHECK (number > 0))")
    pool = Pool(make_conninfo(db_url, options="-c lock_timeout=0 -c statement_timeout=0"), 2)
    pool.open()
    yield Coalescer(pool)
    pool.close()


def _ask(coalescer: Coalescer, questions: Sequence[Question]) -> list["Future[Row]"]:
    """Return the outcomes of questions that wait for a leader, in this order, before the first one leads."""
    coalescer._leaders = module._LEADERS
    with ThreadPoolExecutor(len(questions)) as threads:
        futures: list[Future[Row]] = []
        for statement, number in questions:
            futures.append(threads.submit(coalescer.fetch_one, statement, {"number": number}))
            wait_until(lambda: len(coalescer._waiting) == len(futures), "the question waits")
        coalescer._leaders = 1
        coalescer._hand_on()
    assert (coalescer._leaders, coalescer._waiting) == (0, [])
    return futures


def _numbers(futures: Sequence["Future[Row]"]) -> list[object]:
    return [future.result(0)[0] for future in futures]


def _notes(connection: psycopg.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM note ORDER BY number")]


def test_a_single_query_is_run_by_its_caller(coalescer: Coalescer) -> None:
    assert [coalescer.fetch_one(_NOTE, {"number": number})[0] for number in (1, 2)] == [1, 2]
    assert coalescer.fetch_one(_SELECT, {"number": None}) == (None,)
    assert coalescer._leaders == 0


def test_queries_of_a_kind_share_a_commit_and_each_has_its_own_result(
    coalescer: Coalescer, connection: psycopg.Connection
) -> None:
    for _ in range(8):  # the driver prepares what it meets often
        futures = _ask(coalescer, [(_NOTE, number) for number in range(1, 7)])
        assert _numbers(futures) == [1, 2, 3, 4, 5, 6]
        assert len({future.result(0)[1] for future in futures}) == 1
    assert _notes(connection) == sorted([1, 2, 3, 4, 5, 6] * 8)


def test_the_lead_is_handed_over_until_no_query_waits(coalescer: Coalescer) -> None:
    questions = [(_NOTE if number % 3 else _SELECT, number) for number in range(1, 80)]
    assert _numbers(_ask(coalescer, questions)) == [*range(1, 80)]
    commits = {future.result(0)[1] for future in _ask(coalescer, [(_NOTE, 1)] * 33)}
    assert len(commits) == 2  # a statement has room for 32


def test_many_threads_are_each_answered(coalescer: Coalescer, connection: psycopg.Connection) -> None:
    def ask(number: int) -> object:
        return coalescer.fetch_one(_NOTE if number % 3 else _SELECT, {"number": number})[0]

    numbers = range(1, 1_000)
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(ask, numbers)) == [*numbers]
    assert _notes(connection) == [number for number in numbers if number % 3]
    assert coalescer._leaders == 0


def test_a_refused_query_does_not_affect_the_others(
    coalescer: Coalescer, connection: psycopg.Connection
) -> None:
    for _ in range(8):
        futures = _ask(
            coalescer, [(_NOTE, 1), (_NOTE, 0), (_NOTE, 2), (_REFUSED, 1), (_NOTE, object()), (_NOTE, 3)]
        )
        assert _numbers([futures[0], futures[2], futures[5]]) == [1, 2, 3]
        for refused, error in ((1, UnstorableRow), (3, DatabaseBug), (4, DatabaseBug)):
            with pytest.raises(error):
                futures[refused].result(0)
    assert _notes(connection) == [1] * 8 + [2] * 8 + [3] * 8


def test_a_lost_database_fails_the_whole_batch_and_not_the_next(
    coalescer: Coalescer, connection: psycopg.Connection, db_url: str
) -> None:
    with psycopg.connect(db_url) as holder, ThreadPoolExecutor(1) as thread, holder.transaction():
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        asked = thread.submit(_ask, coalescer, [(_WAIT, 1), (_WAIT, 2), (_WAIT, 3)])
        waits = f"SELECT count(*) {_WAITING}"
        wait_until(lambda: connection.execute(waits).fetchall() == [(1,)], "the batch waits for the lock")
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {_WAITING}")
        errors = [future.exception(0) for future in asked.result(30)]
    assert [type(error) for error in errors] == [DatabaseUnavailable] * 3
    assert len({id(error) for error in errors}) == 3
    assert _numbers(_ask(coalescer, [(_NOTE, 3), (_NOTE, 4)])) == [3, 4]


def test_without_a_database_every_query_is_unavailable() -> None:
    pool = Pool("postgresql://127.0.0.1:1/nobody", 1)
    pool.open()
    for future in _ask(Coalescer(pool), [(_SELECT, 1)] * 4):
        with pytest.raises(DatabaseUnavailable):
            future.result(0)
    pool.close()


def test_a_query_without_a_leader_in_time_is_unavailable(
    coalescer: Coalescer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    monkeypatch.setattr(module, "_TIMEOUT", 0.01)
    coalescer._leaders = module._LEADERS
    with pytest.raises(DatabaseUnavailable, match="too many lookups wait"):
        coalescer.fetch_one(_SELECT, {"number": 1})
    assert coalescer._waiting == []


def test_queries_do_not_wait_for_an_interrupted_leader(
    coalescer: Coalescer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise SystemExit

    coalescer._leaders = 1
    other = module._Question(_SELECT, {"number": 2})
    coalescer._waiting.append(other)
    with monkeypatch.context() as patched:
        patched.setattr(coalescer, "_run", interrupted)
        with pytest.raises(SystemExit):
            coalescer.fetch_one(_SELECT, {"number": 1})
    assert other.woken.is_set()
    assert isinstance(other.error, DatabaseUnavailable)
    coalescer._leaders -= 1  # of the one that was busy
    assert coalescer.fetch_one(_SELECT, {"number": 3}) == (3,)


def test_a_query_that_leads_is_answered_by_no_other(coalescer: Coalescer) -> None:
    """Else the lead would be lost: twice, and nothing is answered any more."""
    coalescer._leaders = module._LEADERS
    future: list[Row] = []
    caller = Thread(target=lambda: future.append(coalescer.fetch_one(_SELECT, {"number": 1})))
    caller.start()
    wait_until(lambda: len(coalescer._waiting) == 1, "the question waits")
    coalescer._leaders = 1
    coalescer._hand_on()
    coalescer._leaders = 2
    coalescer._lead(module._Question(_SELECT, {"number": 2}))  # the other leader, at the same time
    caller.join()
    assert future == [(1,)]
    assert coalescer._leaders == 0


def test_a_second_caller_leads_beside_a_slow_one(
    coalescer: Coalescer, connection: psycopg.Connection, db_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    with psycopg.connect(db_url) as holder, ThreadPoolExecutor(1) as thread, holder.transaction():
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        slow = thread.submit(coalescer.fetch_one, _WAIT, {"number": 1})
        waits = f"SELECT count(*) {_WAITING}"
        wait_until(lambda: connection.execute(waits).fetchall() == [(1,)], "the first leader waits")
        assert [coalescer.fetch_one(_SELECT, {"number": number}) for number in (2, 3)] == [(2,), (3,)]
        assert coalescer._leaders == 1
    assert slow.result(30) is not None
    assert coalescer._leaders == 0


def test_coalesced_lookups_have_the_results_of_single_ones(
    lookups: Lookups, connection: psycopg.Connection
) -> None:
    persons = [FNR, OTHER_FNR, "15877000003"]
    insert(
        connection, [row(n, deltaker_fnr=persons[n % 2], start_dato=date(2026, n, 1)) for n in range(1, 9)]
    )
    calls: list[Callable[[], object]] = [
        partial(status, lookups, [fnr], date(2026, month, 2)) for month in (1, 4, 9) for fnr in persons
    ]
    calls += [partial(status, lookups, persons, date(2026, month, 2)) for month in (2, 8)]
    calls += [partial(search, lookups, [fnr]) for fnr in persons]
    calls += [partial(find, lookups, avtale_id(n)) for n in (1, 8, 99)]
    alone = [call() for call in calls]
    assert len(set(alone)) > len(persons)
    assert look_up_together(lookups, calls) == alone
    records = connection.execute(
        "SELECT personer, hits, criteria, felter, count(*) FROM lookup_log GROUP BY 1, 2, 3, 4"
    ).fetchall()
    assert sum(count for *_, count in records) == 2 * len(calls)
    assert {count % 2 for *_, count in records} == {0}  # each was recorded as it was when it was alone
    assert {tuple(personer) for personer, *_ in records} == {*((fnr,) for fnr in persons), tuple(persons), ()}
