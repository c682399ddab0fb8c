"""How a replay ends: cancelled, failed, taken over, stopped; and that it ends nothing else."""

from threading import Event

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.errors import Busy, TopicChanged
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.partition import Setting
from datadeling.operations.replay.runner import Progress, Runner
from tests.integration.inside import Inside
from tests.integration.operations.replay.replaying import (
    WHO,
    Claims,
    act_between,
    ask,
    events,
    lose,
    run,
    unread,
    unreported,
)


@pytest.mark.usefixtures("log")
def test_a_running_replay_can_be_cancelled(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay, transactions = ask(jobs), iter(range(100))

    def cancel() -> None:
        if next(transactions) == 2:  # one plans
            jobs.cancel(replay, WHO)

    act_between(monkeypatch, cancel)
    stop = Event()
    assert runner.run(jobs.get(replay), stop, unreported).state == "cancelled"
    assert not stop.is_set()
    assert events(connection) == {0: 3, 1: 0, 2: 0}


@pytest.mark.usefixtures("log")
def test_a_new_generation_ends_a_running_replay(
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
                tx.raise_generation(topic, None)

    act_between(monkeypatch, raise_generation)
    with pytest.raises(TopicChanged):
        run(runner, jobs)
    operator.close()
    row = jobs.get(1)
    assert (row.state, row.error) == ("failed", "TopicChanged: offsets of partition 0 have a new meaning")
    assert events(connection) == {0: 3, 1: 0, 2: 0}


@pytest.mark.usefixtures("log")
def test_an_error_on_one_partition_leaves_the_next_ones_unread(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection
) -> None:
    """It ends no other replay: `stop` is for more than this one."""
    row = jobs.get(ask(jobs))
    jobs.begin(row, [unread(0, 0, 11), unread(1, 0, 6)])
    connection.execute("UPDATE consumer_offset SET next_offset = 11 WHERE kafka_partition = 0")
    stop = Event()
    with pytest.raises(TopicChanged, match="partition 0 ends at 10, before 11"):
        runner.run(row, stop, unreported)
    assert not stop.is_set()
    assert jobs.get(row.id).state == "failed"
    assert jobs.get(row.id).error == "TopicChanged: partition 0 ends at 10, before 11"
    assert events(connection)[1] == 0


@pytest.mark.usefixtures("log")
def test_a_process_that_has_lost_the_claim_stops(
    setting: Setting,
    jobs: Jobs,
    claims: Claims,
    connection: psycopg.Connection,
) -> None:
    """The replay belongs to the other process then: its state stays `running`."""
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
def test_a_stopped_replay_is_resumed_where_it_stopped(
    runner: Runner,
    jobs: Jobs,
    inside: Inside,
    connection: psycopg.Connection,
) -> None:
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
    assert runner.run(jobs.get(replay), stop, unreported).state == "running"  # not begun
    assert sum(events(connection).values()) == read
    row = jobs.get(replay)._replace(rate=None)
    assert runner.run(row, Event(), unreported).state == "done"
    assert events(connection) == {0: 10, 1: 6, 2: 0}
    assert inside.tables() == before


@pytest.mark.usefixtures("log")
def test_a_replay_is_run_by_one_process(runner: Runner, jobs: Jobs, claims: Claims) -> None:
    claim = claims.on(ask(jobs))
    assert claim.take()
    with pytest.raises(Busy, match="somebody runs replay 1 already"):
        run(runner, jobs, 1)
    assert jobs.get(1).state == "requested"
    claim.release()
    assert run(runner, jobs, 1) == "done"
