"""How a replay runs: killed, stopped, refused, cut off, and by a consumer in the background."""

import random
import signal
from collections.abc import Callable

import psycopg
import pytest

from tests.acceptance.conftest import Run, Setting, by_way_of
from tests.acceptance.operating import Operator, Produce, Stored
from tests.acceptance.processes import Process, handled, number
from tests.acceptance.replaying import EVENTS, a_log, checksum
from tests.strategies import to_message
from tests.torture.logs import make_logs
from tests.torture.outcome import outcome
from tests.waiting import wait_until

Begin = Callable[..., Process]
READ = "SELECT sum(events) FROM replay_job_partition"
DONE = "SELECT count(*) FROM replay_job WHERE state = 'done'"
LOSE = "UPDATE avtale SET opphav = 'lost'"


@pytest.fixture
def before(stored: Stored, connection: psycopg.Connection) -> str:
    """The checksum of what a consumer, which is at work, has made of the log."""
    stored(a_log())
    return checksum(connection)


@pytest.fixture
def begin(run: Run, consumer: Setting, connection: psycopg.Connection) -> Begin:
    """Start a replay that is held to so many events a second, and wait until a part has been read."""

    def begin(rate: int, part: float = 0.0, env: dict[str, str] | None = None) -> Process:
        process = run(env or consumer.env, "replay", "--from-beginning", "--rate", str(rate), "--json")
        wait_until(lambda: number(connection, READ) > EVENTS * part, "a part has been read again")
        return process

    return begin


def test_after_a_kill_it_goes_on_where_it_was(
    before: str, begin: Begin, operator: Operator, connection: psycopg.Connection
) -> None:
    connection.execute(LOSE)
    begin(500, part=0.4).kill()
    assert operator.json("replay", "--list")[0]["state"] == "interrupted"
    assert number(connection, READ) < EVENTS
    done = operator.json("replay", "--resume", "1", "--rate", "100000")
    assert done["state"] == "done"
    assert sum(one["events"] for one in done["partitions"]) == EVENTS
    assert sum(done["outcomes"].values()) == EVENTS
    assert checksum(connection) == before
    assert "has ended" in operator.run("replay", "--resume", "1", code=1)


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_stops_it_and_it_says_how_to_go_on(
    by: signal.Signals, begin: Begin, operator: Operator
) -> None:
    process = begin(50)
    process.process.send_signal(by)
    assert process.process.wait(20) == 130
    assert "datadeling replay --resume 1" in process.output
    assert operator.json("replay", "--list")[0]["state"] == "stopped"
    assert operator.json("replay", "--resume", "1", "--rate", "100000")["state"] == "done"


@pytest.mark.usefixtures("before")
def test_two_of_the_same_range_at_once_are_refused(begin: Begin, operator: Operator) -> None:
    first = begin(50)
    assert "replay 1 reads some of the same" in operator.run("replay", "--from-beginning", code=1)
    assert "somebody runs replay 1 already" in operator.run("replay", "--resume", "1", code=1)
    operator.run("replay", "--cancel", "1")
    assert first.process.wait(20) == 1
    assert "cancelled" in first.output
    assert operator.json("replay", "--from-beginning", "--rate", "100000")["state"] == "done"


def test_an_outage_of_the_database_is_waited_for(
    before: str, begin: Begin, consumer: Setting, connection: psycopg.Connection
) -> None:
    connection.execute(LOSE)
    with by_way_of(consumer) as (relay, env):
        process = begin(500, env=env)
        relay.turn_away()
        relay.cut()
        wait_until(lambda: "service_unavailable" in process.output, "it has noticed")
        relay.let_in()
        assert process.process.wait(60) == 0, process.output
    assert number(connection, READ) == EVENTS
    assert checksum(connection) == before


def test_a_consumer_runs_what_is_asked_for(
    before: str, operator: Operator, connection: psycopg.Connection
) -> None:
    connection.execute(LOSE)
    assert "replay 1 is asked for" in operator.run("replay", "--from-beginning", "--background")
    wait_until(lambda: number(connection, DONE) == 1, "a consumer has run it")
    assert checksum(connection) == before
    connection.execute("INSERT INTO replay_job (topic) SELECT topic FROM replay_job")  # as SQL may, too
    wait_until(lambda: number(connection, DONE) == 2, "a consumer has run it")


def test_what_a_killed_consumer_began_the_next_one_ends(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection, operator: Operator
) -> None:
    first = run(consumer.env, "consume")
    produce(a_log())
    wait_until(lambda: handled(connection) == EVENTS, "everything is handled")
    operator.run("replay", "--from-beginning", "--background", "--rate", "1000")
    wait_until(lambda: number(connection, READ) > 0, "it has begun")
    first.kill()
    run(consumer.env, "consume")
    wait_until(lambda: number(connection, DONE) == 1, "it has ended")
    assert number(connection, READ) == EVENTS


def test_beside_live_events_the_end_is_what_a_plain_fold_says(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection, begin: Begin
) -> None:
    """With tombstones, messages that cannot be read, and edits in any order on both sides of it."""
    logs, parts = make_logs(random.Random(5), 3, 2_000), 10
    size = len(logs[0]) // parts

    def send(part: int) -> None:
        some = [(p, entry) for p, log in enumerate(logs) for entry in log[part * size : (part + 1) * size]]
        produce([to_message(entry)._replace(partition=p) for p, entry in some])
        wait_until(lambda: handled(connection) == 3 * size * (part + 1), "everything is handled")

    run(consumer.env, "consume")
    for part in range(5):
        send(part)
    process = begin(100)
    for part in range(5, parts):
        send(part)
        assert process.process.poll() is None, "it has ended before the live events"
    connection.execute("UPDATE replay_job SET state = 'cancelled'")
    assert process.process.wait(20) == 1
    assert outcome(connection, logs).good
    assert begin(100_000).process.wait(60) == 0
    assert outcome(connection, logs).good
