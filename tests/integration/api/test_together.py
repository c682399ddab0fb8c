"""Lookups that a thread answers in turns: one statement, one exchange with the database and one commit."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from datadeling.crew import Crew
from datadeling.db import pool as pool_module
from datadeling.db.coalesce import Coalescer, Values
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.domain.search import Search
from datadeling.errors import DatabaseBug, DatabaseUnavailable, UnstorableRow
from tests.acceptance.processes import wait_until
from tests.integration.api.asking import ASKER, find, search, status
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row

_DAY = date(2026, 3, 1)
_HOLD = "SELECT pg_advisory_xact_lock(1)"
_ASKED = (
    "ROWS FROM (json_to_recordset(%(spurt)s::json) AS (number int)) WITH ORDINALITY AS spurt (number, nr)"
)
_WAIT = (
    b"SELECT pg_advisory_xact_lock_shared(1)",
    f"SELECT pg_advisory_xact_lock_shared(1) FROM {_ASKED}".encode(),
)
_NOTE = (
    b"INSERT INTO note VALUES (%(number)s) RETURNING number, pg_current_xact_id()::text",
    f"""
        WITH noted AS (INSERT INTO note SELECT number FROM {_ASKED})
        SELECT number, pg_current_xact_id()::text FROM {_ASKED} ORDER BY nr
    """.encode(),
)
_SELECT = b"SELECT %(number)s::int", f"SELECT number FROM {_ASKED} ORDER BY nr".encode()
_REFUSED = b"SELECT hemmelig", b"SELECT hemmelig, %(spurt)s"
_WAITING = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

Row = tuple[object, ...]
OperatorAction = tuple[tuple[bytes, bytes], Values]


@pytest.fixture
def together(
    db_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Coalescer]:
    """Over connections without the limits of time that would end a test on a slow machine."""
    monkeypatch.setattr(pool_module, "_PATIENCE", 60.0)
    monkeypatch.setattr(pool_module._Checked, "patience", 60.0)
    connection.execute("CREATE TABLE note (number int CHECK (number > 0))")
    pool = Pool(make_conninfo(db_url, options="-c lock_timeout=0 -c statement_timeout=0"), 2)
    pool.open()
    yield Coalescer(pool)
    pool.close()


def _ask(together: Coalescer, asked: Sequence[OperatorAction]) -> list["Future[Row]"]:
    """What has come of each, asked by the members of one crew."""

    def ask(future: "Future[Row]", texts: tuple[bytes, bytes], values: Values) -> None:
        try:
            future.set_result(together.fetch_one(*texts, values))
        except Exception as error:  # noqa: BLE001 (whoever asks is told, in the future)
            future.set_exception(error)

    crew = Crew()
    futures: list[Future[Row]] = [Future() for _ in asked]
    for future, (texts, values) in zip(futures, asked, strict=True):
        crew.start(partial(ask, future, texts, values))
    crew.settle()
    crew.finish()
    return futures


def _note(number: object) -> OperatorAction:
    return _NOTE, {"number": number}


def _numbers(futures: Sequence["Future[Row]"]) -> list[object]:
    return [future.result(0)[0] for future in futures]


def _waits(connection: psycopg.Connection) -> bool:
    return connection.execute(f"SELECT count(*) {_WAITING}").fetchall() == [(1,)]


def _notes(connection: psycopg.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM note ORDER BY number")]


def test_who_is_alone_is_answered(together: Coalescer) -> None:
    assert [together.fetch_one(*_NOTE, {"number": n})[0] for n in (1, 2)] == [1, 2]
    assert together.fetch_one(*_SELECT, {"number": None}) == (None,)
    assert _numbers(_ask(together, [_note(3)])) == [3]


def test_all_of_a_crew_share_a_commit_and_each_has_its_own_answer(
    together: Coalescer, connection: psycopg.Connection
) -> None:
    for _ in range(8):  # the driver prepares what it meets often
        futures = _ask(together, [_note(number) for number in range(1, 7)])
        assert _numbers(futures) == [1, 2, 3, 4, 5, 6]
        assert len({future.result(0)[1] for future in futures}) == 1
    assert _notes(connection) == sorted([1, 2, 3, 4, 5, 6] * 8)


def test_in_a_crowd_each_has_its_own_answer(together: Coalescer, connection: psycopg.Connection) -> None:
    """Now one and then another statement, so that runs hold both, in any order, in several threads."""

    def crew(numbers: range) -> bool:
        asked = [(_NOTE if number % 3 else _SELECT, {"number": number}) for number in numbers]
        return _numbers(_ask(together, asked)) == list(numbers)

    crews = [range(first, first + 1 + first % 16) for first in range(1, 1_000, 16)]
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(crew, crews))
    assert _notes(connection) == [number for numbers in crews for number in numbers if number % 3]


def test_lookups_of_different_persons_and_days_are_answered_as_if_each_were_alone(
    lookups: Lookups, connection: psycopg.Connection
) -> None:
    persons = [FNR, OTHER_FNR, "15877000003"]
    insert(
        connection, [row(n, deltaker_fnr=persons[n % 2], start_dato=date(2026, n, 1)) for n in range(1, 9)]
    )
    asked: list[Callable[[], object]] = [
        partial(status, lookups, [fnr], date(2026, month, 2)) for month in (1, 4, 9) for fnr in persons
    ]
    asked += [partial(status, lookups, persons, date(2026, month, 2)) for month in (2, 8)]
    asked += [partial(search, lookups, [fnr]) for fnr in persons]
    asked += [partial(find, lookups, avtale_id(n)) for n in (1, 8, 99)]
    alone = [ask() for ask in asked]
    assert len(set(alone)) > len(persons)

    together: list[object] = [None] * len(asked)

    def note(at: int) -> None:
        together[at] = asked[at]()

    crew = Crew()
    for at in range(len(asked)):
        crew.start(partial(note, at))
    crew.settle()
    crew.finish()
    assert together == alone
    records = connection.execute(
        "SELECT personer, hits, criteria, felter, count(*) FROM lookup_log GROUP BY 1, 2, 3, 4"
    ).fetchall()
    assert sum(count for *_, count in records) == 2 * len(asked)
    assert {count % 2 for *_, count in records} == {0}  # each was recorded as it was when it was alone
    assert {tuple(personer) for personer, *_ in records} == {*((fnr,) for fnr in persons), tuple(persons), ()}


def test_one_that_is_refused_harms_no_other(together: Coalescer, connection: psycopg.Connection) -> None:
    for _ in range(8):
        futures = _ask(
            together,
            [_note(1), _note(0), _note(2), (_REFUSED, {"number": 1}), _note(object()), _note(3)],
        )
        assert _numbers([futures[0], futures[2], futures[5]]) == [1, 2, 3]
        for refused, error in ((1, UnstorableRow), (3, DatabaseBug), (4, DatabaseBug)):
            with pytest.raises(error):
                futures[refused].result(0)
    assert _notes(connection) == [1] * 8 + [2] * 8 + [3] * 8


def test_what_was_sent_before_one_that_cannot_be_is_not_done_twice(
    together: Coalescer, connection: psycopg.Connection
) -> None:
    futures = _ask(together, [_note(1), _note(object()), _note(2)])
    with pytest.raises(DatabaseBug):
        futures[1].result(0)
    assert _numbers([futures[0], futures[2]]) == [1, 2]
    assert _notes(connection) == [1, 2]


def test_when_the_database_goes_all_of_a_run_are_told_and_the_next_is_answered(
    together: Coalescer, connection: psycopg.Connection, db_url: str
) -> None:
    with psycopg.connect(db_url) as holder, ThreadPoolExecutor(1) as thread, holder.transaction():
        holder.execute(_HOLD)
        asked = thread.submit(_ask, together, [_note(1), (_WAIT, {}), _note(2)])
        wait_until(lambda: _waits(connection), "the run waits for the lock")
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {_WAITING}")
        for future in asked.result(30):
            with pytest.raises(DatabaseUnavailable):
                future.result(0)
    assert _numbers(_ask(together, [_note(3), _note(4)])) == [3, 4]
    assert _notes(connection) == [3, 4]


def test_when_there_is_no_database_all_are_told() -> None:
    pool = Pool("postgresql://127.0.0.1:1/nobody", 1)
    pool.open()
    for future in _ask(Coalescer(pool), [(_SELECT, {"number": 1})] * 4):
        with pytest.raises(DatabaseUnavailable):
            future.result(0)
    pool.close()


def test_lookups_of_one_person_or_avtale_go_together_and_others_step_aside(
    lookups: Lookups, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(connection, [row(1)])
    runs: list[bytes] = []
    fetch_one = Coalescer.fetch_one

    def noted(self: Coalescer, alone: bytes, together: bytes, values: Values) -> Row:
        runs.append(alone)
        return fetch_one(self, alone, together, values)

    monkeypatch.setattr(Coalescer, "fetch_one", noted)
    status(lookups, [FNR], _DAY)
    search(lookups, [FNR])
    find(lookups, avtale_id(1))
    lookups.history(ASKER, avtale_id(1), ())
    assert len(runs) == 4
    for others in (
        lambda: lookups.tiltaksstatus_bolk(ASKER, [[FNR]], _DAY, (), None),
        lambda: lookups.search(ASKER, Search(bedrift_nr="999999999"), (), 100),
        lambda: lookups.search(ASKER, Search(tiltakstype="MENTOR"), (), 100),
        lookups.ping,
    ):
        crew = Crew()
        crew.start(_without_answer(others))
        assert crew.has_aside()
        crew.finish()
    assert len(runs) == 4


def _without_answer(ask: Callable[[], object]) -> Callable[[], None]:
    def task() -> None:
        ask()

    return task
