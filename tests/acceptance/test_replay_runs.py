"""Running a replay: killed, stopped, refused, interrupted by an outage, and in the background."""

import random
import signal
from collections.abc import Callable

import psycopg
import pytest

from tests.acceptance.conftest import Run, Setting, by_way_of
from tests.acceptance.operating import Operator, Produce, Stored
from tests.acceptance.processes import Process, number, wait_until_handled
from tests.acceptance.replaying import EVENTS, checksum, create_log
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
    """Let a consumer handle the log; return the checksum of the rows."""
    stored(create_log())
    return checksum(connection)


@pytest.fixture
def begin(run: Run, consumer: Setting, connection: psycopg.Connection) -> Begin:
    """Return a function that starts a replay at a rate, and waits until a part has been read."""

    def begin(rate: int, part: float = 0.0, env: dict[str, str] | None = None) -> Process:
        process = run(env or consumer.env, "replay", "--from-beginning", "--rate", str(rate), "--json")
        wait_until(lambda: number(connection, READ) > EVENTS * part, "a part has been read again")
        return process

    return begin


def test_a_killed_replay_is_resumed_where_it_stopped(
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
def test_a_signal_stops_a_replay_and_it_prints_how_to_resume(
    by: signal.Signals, begin: Begin, operator: Operator
) -> None:
    process = begin(50)
    process.process.send_signal(by)
    assert process.process.wait(20) == 130
    assert "datadeling replay --resume 1" in process.output
    assert operator.json("replay", "--list")[0]["state"] == "stopped"
    assert operator.json("replay", "--resume", "1", "--rate", "100000")["state"] == "done"


@pytest.mark.usefixtures("before")
def test_a_second_replay_of_the_same_range_is_refused(begin: Begin, operator: Operator) -> None:
    first = begin(50)
    assert "replay 1 reads some of the same" in operator.run("replay", "--from-beginning", code=1)
    assert "somebody runs replay 1 already" in operator.run("replay", "--resume", "1", code=1)
    operator.run("replay", "--cancel", "1")
    assert first.process.wait(20) == 1
    assert "cancelled" in first.output
    assert operator.json("replay", "--from-beginning", "--rate", "100000")["state"] == "done"


def test_a_replay_waits_out_an_outage_of_the_database(
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


def test_a_consumer_runs_a_background_replay(
    before: str, operator: Operator, connection: psycopg.Connection
) -> None:
    connection.execute(LOSE)
    assert "replay 1 is asked for" in operator.run("replay", "--from-beginning", "--background")
    wait_until(lambda: number(connection, DONE) == 1, "a consumer has run it")
    assert checksum(connection) == before
    connection.execute("INSERT INTO replay_job (topic) SELECT topic FROM replay_job")  # as SQL may, too
    wait_until(lambda: number(connection, DONE) == 2, "a consumer has run it")


def test_the_next_consumer_finishes_the_replay_of_a_killed_one(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection, operator: Operator
) -> None:
    first = run(consumer.env, "consume")
    produce(create_log())
    wait_until_handled(connection, EVENTS)
    operator.run("replay", "--from-beginning", "--background", "--rate", "1000")
    wait_until(lambda: number(connection, READ) > 0, "it has begun")
    first.kill()
    run(consumer.env, "consume")
    wait_until(lambda: number(connection, DONE) == 1, "it has ended")
    assert number(connection, READ) == EVENTS


def test_a_replay_beside_live_events_leaves_the_tables_of_the_oracle(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection, begin: Begin
) -> None:
    """Tombstones, unreadable messages and edits in any order come before and during the replay."""
    logs, parts = make_logs(random.Random(5), 3, 2_000), 10
    size = len(logs[0]) // parts

    def send(part: int) -> None:
        some = [(p, entry) for p, log in enumerate(logs) for entry in log[part * size : (part + 1) * size]]
        produce([to_message(entry)._replace(partition=p) for p, entry in some])
        wait_until_handled(connection, 3 * size * (part + 1))

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
