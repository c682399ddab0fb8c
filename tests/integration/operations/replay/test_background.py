"""Replays inside a consumer: run to their end or left to the next one; none keeps another from being done."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread

import psycopg
import pytest
from structlog.testing import capture_logs

from datadeling.config import ConsumerConfig, KafkaConfig
from datadeling.consumer.health import Health
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.runner import run_requested
from tests.hendelser import melding
from tests.integration.consuming import count
from tests.integration.operations.replay.replaying import WHO, Claims, Handled, ask, events, unread
from tests.waiting import wait_until


class Running:
    """The requested replays in a thread."""

    def __init__(self, config: ConsumerConfig, health: Health) -> None:
        self._stop = Event()
        self._thread = Thread(target=run_requested, args=(config, health, self._stop))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


Begin = Callable[[Health], Running]


@pytest.fixture
def begin(config: KafkaConfig, db_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Start as many as the test wants; all have ended at the end."""
    monkeypatch.setattr("datadeling.operations.replay.runner._CHECK_EVERY", 0.01)
    with ExitStack() as stack, capture_logs():

        def begin(health: Health) -> Running:
            running = Running(ConsumerConfig(config, db_url, 100, 0.1, 10, 0), health)
            stack.callback(running.stop)
            return running

        yield begin


@pytest.fixture
def log(handled: Handled, connection: psycopg.Connection) -> None:
    """Handled, and lost."""
    handled.take(*(melding(n, offset=n) for n in range(20)))
    connection.execute("DELETE FROM avtale")


def ended(jobs: Jobs, replay: int) -> str:
    def has_ended() -> bool:
        row = jobs.get(replay)
        return row.state not in {"requested", "running"} and not row.held

    wait_until(has_ended, "a replay has ended")
    return jobs.get(replay).state


@pytest.mark.usefixtures("log")
def test_a_requested_replay_is_run(begin: Begin, jobs: Jobs, connection: psycopg.Connection) -> None:
    before, by_command = ask(jobs), ask(jobs, background=False)
    begin(Health())
    assert ended(jobs, before) == "done"
    assert count(connection) == 20
    assert ended(jobs, ask(jobs)) == "done"  # asked for while it looks
    assert jobs.get(by_command).state == "stopped"


@pytest.mark.usefixtures("log")
def test_an_interrupted_replay_is_resumed_by_another_consumer(
    begin: Begin, jobs: Jobs, connection: psycopg.Connection
) -> None:
    replay = ask(jobs, Request(rate=5))
    first = begin(Health())
    wait_until(lambda: bool(events(connection)), "a replay has begun")
    first.stop()
    row = jobs.get(replay)
    assert (row.state, row.held) == ("running", False)
    assert sum(events(connection).values()) < 20
    connection.execute("UPDATE replay_job SET rate = NULL")
    begin(Health())
    assert ended(jobs, replay) == "done"
    assert count(connection) == sum(events(connection).values()) == 20


@pytest.mark.usefixtures("log")
def test_two_consumers_run_different_replays(
    begin: Begin, jobs: Jobs, connection: psycopg.Connection
) -> None:
    begin(Health())
    begin(Health())
    replays = [ask(jobs) for _ in range(3)]
    assert [ended(jobs, replay) for replay in replays] == ["done"] * 3
    assert events(connection) == {0: 60, 1: 0, 2: 0}


@pytest.mark.usefixtures("log")
def test_a_replay_that_cannot_be_planned_fails_and_the_next_runs(begin: Begin, jobs: Jobs) -> None:
    replays = [ask(jobs, Request(from_offsets={7: 0})), ask(jobs)]
    begin(Health())
    assert [ended(jobs, replay) for replay in replays] == ["failed", "done"]
    assert jobs.get(replays[0]).error == "NotFound: nothing has been read of partition 7"


@pytest.mark.usefixtures("log")
def test_a_replay_that_fails_while_reading_does_not_stop_the_next(begin: Begin, jobs: Jobs) -> None:
    replay = ask(jobs)
    jobs.begin(jobs.get(replay), [unread(0, 0, 21)])
    begin(Health())
    assert ended(jobs, replay) == "failed"
    assert jobs.get(replay).error == "TopicChanged: partition 0 ends at 20, before 21"
    assert ended(jobs, ask(jobs)) == "done"


@pytest.mark.usefixtures("log")
def test_a_cancelled_replay_does_not_stop_the_next(
    begin: Begin, jobs: Jobs, connection: psycopg.Connection
) -> None:
    replay = ask(jobs, Request(rate=5))
    begin(Health())
    wait_until(lambda: sum(events(connection).values()) > 0, "a replay has come somewhere")
    jobs.cancel(replay, WHO)
    assert ended(jobs, replay) == "cancelled"
    assert ended(jobs, ask(jobs)) == "done"


@pytest.mark.usefixtures("log")
def test_a_replay_pauses_while_the_live_consumer_lags(
    begin: Begin, jobs: Jobs, connection: psycopg.Connection
) -> None:
    health, replay = Health(lag=1_000_000), ask(jobs)
    background = begin(health)
    wait_until(lambda: jobs.get(replay).held and bool(jobs.partitions(replay)), "a replay has begun")
    assert count(connection) == 0
    health.lag = 0
    assert ended(jobs, replay) == "done"
    health.lag = 1_000_000
    ask(jobs)
    wait_until(lambda: jobs.get(replay + 1).held, "another replay is held")
    background.stop()
    assert jobs.get(replay + 1).state in {"running", "requested"}


@pytest.mark.usefixtures("log")
def test_a_replay_of_another_process_is_left_alone(begin: Begin, jobs: Jobs, claims: Claims) -> None:
    held, free = ask(jobs), ask(jobs)
    claim = claims.on(held)
    assert claim.take()
    begin(Health())
    assert ended(jobs, free) == "done"
    assert jobs.get(held).state == "requested"
    claim.release()
    assert ended(jobs, held) == "done"
