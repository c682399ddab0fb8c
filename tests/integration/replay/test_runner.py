"""A replay from the broker into the tables: what it leaves there, and how it ends."""

from collections import Counter
from threading import Event

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.errors import Busy, TopicChanged
from datadeling.ingest.fold import Outcome
from datadeling.ingest.tally import Tally, total
from datadeling.replay.jobs import Jobs
from datadeling.replay.plan import Planned, Request
from datadeling.replay.progress import Progress
from datadeling.replay.reader import Range
from datadeling.replay.runner import Runner, Setting, rehearse
from tests.hendelser import avtale_id, melding, record, tombstone
from tests.integration.inside import Inside
from tests.integration.plans import REFUSED
from tests.integration.replay.replaying import Claims, Handled, act_between, ask, drop, events, look
from tests.services import Kafka

LOG = [
    *(melding(n, offset=n, partition=0) for n in range(8)),
    melding(1, offset=8, avtaleStatus="AVSLUTTET"),
    record(9, avtale_id(2).encode(), b"{"),
    *(melding(20 + n, offset=n, partition=1) for n in range(5)),
    tombstone(22, offset=5, partition=1),
]


@pytest.fixture
def inside(connection: psycopg.Connection) -> Inside:
    return Inside(connection)


@pytest.fixture
def runner(setting: Setting, jobs: Jobs) -> Runner:
    return Runner(setting, jobs)


@pytest.fixture
def log(handled: Handled) -> None:
    handled.take(*LOG)


def run(runner: Runner, jobs: Jobs, replay: int | None = None) -> str:
    return runner.run(jobs.get(replay or ask(jobs)), Event(), look).state


def outcomes(jobs: Jobs, replay: int = 1) -> Counter[Outcome]:
    """Those that there were."""
    return +total(Tally.from_dict(one.tally) for one in jobs.stretches(replay)).outcomes


def lose(connection: psycopg.Connection) -> None:
    connection.execute("TRUNCATE avtale, avtale_historikk")


@pytest.mark.usefixtures("log")
def test_an_up_to_date_topic_leaves_the_tables_as_they_were(
    runner: Runner, jobs: Jobs, inside: Inside, connection: psycopg.Connection
) -> None:
    before = inside.traces()
    assert run(runner, jobs) == "done"
    assert inside.traces() == before
    assert events(connection) == {0: 10, 1: 6, 2: 0}
    assert outcomes(jobs) == {"unchanged": 12, "older": 3, "failed": 1}
    row = jobs.get(1)
    assert not row.held
    assert row.finished_at is not None


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("workers", [1, 3])
def test_what_was_lost_comes_back(
    workers: int, setting: Setting, jobs: Jobs, inside: Inside, connection: psycopg.Connection
) -> None:
    before = inside.tables()
    lose(connection)
    told = rehearse(setting, Request(), Event(), look)
    assert inside.tables() != before
    assert jobs.listed(1) == []
    assert run(Runner(setting._replace(workers=workers), jobs), jobs) == "done"
    assert inside.tables() == before
    assert outcomes(jobs) == told.outcomes == {"new": 12, "changed": 1, "older": 2, "failed": 1}


@pytest.mark.usefixtures("log")
def test_of_one_avtale_nothing_else_is_written(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection
) -> None:
    connection.execute("UPDATE avtale SET bedrift_nr = NULL")  # the row says on which partition it is
    assert run(runner, jobs, ask(jobs, Request(avtale_id=avtale_id(1)))) == "done"
    mended = connection.execute("SELECT avtale_nr, kafka_offset FROM avtale WHERE bedrift_nr IS NOT NULL")
    assert mended.fetchall() == [(1, 8)]
    assert outcomes(jobs) == {"older": 1, "changed": 1}
    assert events(connection) == {0: 10}


def test_what_the_database_refuses_is_parked_and_the_rest_written(
    handled: Handled, runner: Runner, jobs: Jobs, inside: Inside, connection: psycopg.Connection
) -> None:
    """Once, in the place of its own; what is parked already stays as it is."""
    inside.clear()
    refused = melding(50, offset=4, bedriftNr=REFUSED)
    also = melding(60, offset=7, bedriftNr=REFUSED)
    good = [melding(n, offset=n) for n in (0, 1, 2, 3, 5, 6, 8)]
    handled.take(*sorted([*good, refused, also], key=lambda m: m.offset))
    before = inside.tables()
    connection.execute("UPDATE failed_message SET attempts = 7 WHERE kafka_offset = 7")
    connection.execute("DELETE FROM failed_message WHERE kafka_offset = 4")
    lose(connection)
    assert run(runner, jobs) == "done"
    assert inside.tables() == before
    assert outcomes(jobs) == {"new": 7, "failed": 2}
    assert events(connection)[0] == 9
    attempts = connection.execute("SELECT attempts FROM failed_message ORDER BY kafka_offset").fetchall()
    assert attempts[1] == (7,)


@pytest.mark.usefixtures("log")
def test_what_the_topic_has_dropped_is_passed_over(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection, kafka: Kafka, topic: str
) -> None:
    """Also when it is dropped after the replay has begun, with one end of the range or both of them."""
    rows = [jobs.get(ask(jobs)) for _ in range(3)]
    for row, end in zip(rows, (10, 4, 6), strict=True):
        jobs.begin(row, {0: Planned(Range(0, end), 0)})
    lose(connection)
    drop(kafka, topic, 5)
    assert [run(runner, jobs, row.id) for row in rows] == ["done"] * 3
    read = connection.execute("SELECT next_offset, events FROM replay_job_partition ORDER BY job_id")
    assert read.fetchall() == [(10, 5), (4, 0), (6, 1)]
    numbers = connection.execute("SELECT avtale_nr FROM avtale ORDER BY 1").fetchall()
    assert numbers == [(1,), (5,), (6,), (7,)]


@pytest.mark.usefixtures("log")
def test_the_live_consumer_goes_on_meanwhile(
    runner: Runner,
    jobs: Jobs,
    handled: Handled,
    inside: Inside,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it writes between any two batches stands, and what it needs from before is put right later."""
    later = [
        melding(n % 8, offset=10 + n, sistEndret="2022-03-04T08:46:39Z", avtaleStatus=f"S{n}")
        for n in range(12)
    ]
    handled.take(*later[:1])
    waiting = iter(later[1:])

    def live() -> None:
        if (message := next(waiting, None)) is not None:
            handled.take(message)

    with monkeypatch.context() as patched:
        act_between(patched, live)
        assert run(runner, jobs) == "done"
    for message in waiting:
        handled.take(message)
    after = inside.traces()
    assert run(runner, jobs) == "done"
    assert inside.traces() == after
    assert outcomes(jobs, 2).keys() == {"unchanged", "older", "failed"}


@pytest.mark.usefixtures("log")
def test_it_can_be_cancelled_while_it_runs(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay, transactions = ask(jobs), iter(range(100))

    def cancel() -> None:
        if next(transactions) == 2:  # one plans
            jobs.cancel(replay)

    act_between(monkeypatch, cancel)
    stop = Event()
    assert runner.run(jobs.get(replay), stop, look).state == "cancelled"
    assert not stop.is_set()
    assert events(connection) == {0: 3, 1: 0, 2: 0}


@pytest.mark.usefixtures("log")
def test_a_new_generation_ends_it_while_it_runs(
    runner: Runner,
    jobs: Jobs,
    db_url: str,
    topic: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator, transactions = Database(db_url, "operator"), iter(range(100))

    def raise_generation() -> None:
        if next(transactions) == 2:
            with operator.transaction() as tx:
                tx.operator.raise_generation(topic, None)

    act_between(monkeypatch, raise_generation)
    with pytest.raises(TopicChanged):
        run(runner, jobs)
    operator.close()
    row = jobs.get(1)
    assert (row.state, row.error) == ("failed", "TopicChanged: offsets of partition 0 have a new meaning")
    assert events(connection) == {0: 3, 1: 0, 2: 0}


@pytest.mark.usefixtures("log")
def test_the_fault_of_one_partition_stops_the_others(
    setting: Setting, jobs: Jobs, connection: psycopg.Connection
) -> None:
    """And no other replay: `stop` is for more than this one."""
    row = jobs.get(ask(jobs, Request(rate=1)))
    jobs.begin(row, {0: Planned(Range(0, 10), 0), 2: Planned(Range(0, 1), 0)})
    connection.execute("UPDATE consumer_offset SET next_offset = 1 WHERE kafka_partition = 2")
    stop = Event()
    with pytest.raises(TopicChanged, match="partition 2 ends at 0, before 1"):
        Runner(setting._replace(workers=2), jobs).run(row, stop, look)
    assert not stop.is_set()
    assert jobs.get(row.id).state == "failed"
    assert jobs.get(row.id).error == "TopicChanged: partition 2 ends at 0, before 1"
    assert events(connection)[0] < 10


@pytest.mark.usefixtures("log")
def test_who_has_lost_the_claim_to_somebody_else_stops(
    setting: Setting,
    jobs: Jobs,
    claims: Claims,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it is the other one's: it goes on running, and nobody says that it has stopped or failed."""
    monkeypatch.setattr("datadeling.replay.workers._LOOK", 0.01)
    row, other = jobs.get(ask(jobs, Request({0: 0}, rate=1))), claims.on(1)

    def rob(_: Progress) -> None:
        if not other.take():
            connection.execute("""
                SELECT pg_terminate_backend(pid, 20000) FROM pg_locks
                WHERE locktype = 'advisory' AND objid = 1 AND objsubid = 2
            """)

    stop = Event()
    with pytest.raises(Busy, match="somebody else runs replay 1 by now"):
        Runner(setting, jobs).run(row, stop, rob)
    assert not stop.is_set()
    assert (jobs.get(1).state, jobs.get(1).held) == ("running", True)


@pytest.mark.usefixtures("log")
def test_what_was_stopped_is_written_and_goes_on_where_it_stopped(
    runner: Runner,
    jobs: Jobs,
    inside: Inside,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("datadeling.replay.workers._LOOK", 0.01)
    before, replay = inside.tables(), ask(jobs, Request(rate=5))
    lose(connection)
    stop = Event()

    def stop_soon(progress: Progress) -> None:
        if progress.events >= 2:
            stop.set()

    assert runner.run(jobs.get(replay), stop, stop_soon).state == "running"
    read = sum(events(connection).values())
    assert 2 <= read < 16
    assert inside.tables() != before
    assert runner.run(jobs.get(replay), stop, look).state == "running"  # not begun
    assert sum(events(connection).values()) == read
    row = jobs.get(replay)._replace(rate=None)
    assert runner.run(row, Event(), look).state == "done"
    assert events(connection) == {0: 10, 1: 6, 2: 0}
    assert inside.tables() == before


@pytest.mark.usefixtures("log")
def test_one_replay_is_one_processs(runner: Runner, jobs: Jobs, claims: Claims) -> None:
    claim = claims.on(ask(jobs))
    assert claim.take()
    with pytest.raises(Busy, match="somebody runs replay 1 already"):
        run(runner, jobs, 1)
    assert jobs.get(1).state == "requested"
    claim.release()
    assert run(runner, jobs, 1) == "done"
