"""How a replay runs: killed, stopped, refused, cut off, and by a consumer in the background."""

import signal
from collections.abc import Callable

import psycopg
import pytest

from datadeling.ingest.melding import Melding
from tests.acceptance.conftest import Run, Setting, by_way_of
from tests.acceptance.operating import Operator, Stored
from tests.acceptance.processes import Process, number, wait_until
from tests.acceptance.replaying import EVENTS, a_log, checksum


@pytest.fixture
def log() -> list[Melding]:
    return a_log()


def begun(run: Run, consumer: Setting, connection: psycopg.Connection, *arguments: str) -> Process:
    """A replay that has read a part, and is held to so many events a second."""
    process = run({**consumer.env}, "replay", "--from-beginning", "--rate", "1000", *arguments)
    read = "SELECT sum(events) FROM replay_job_partition"
    wait_until(lambda: number(connection, read) >= EVENTS * 0.4, "two fifths have been read again")
    return process


def test_after_a_kill_it_goes_on_where_it_was(
    stored: Stored,
    run: Run,
    consumer: Setting,
    operator: Operator,
    connection: psycopg.Connection,
    log: list[Melding],
) -> None:
    stored(log)
    before = checksum(connection)
    connection.execute("UPDATE avtale SET opphav = 'lost'")
    begun(run, consumer, connection).kill()
    assert operator.json("replay", "--list")[0]["state"] == "interrupted"
    assert number(connection, "SELECT sum(events) FROM replay_job_partition") < EVENTS
    done = operator.json("replay", "--resume", "1", "--rate", "100000")
    assert done["state"] == "done"
    assert sum(one["events"] for one in done["partitions"]) == EVENTS
    assert sum(done["outcomes"].values()) == EVENTS
    assert checksum(connection) == before
    assert "has ended" in operator.run("replay", "--resume", "1", code=1)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_stops_it_and_it_says_how_to_go_on(
    by: signal.Signals,
    stored: Stored,
    run: Run,
    consumer: Setting,
    operator: Operator,
    connection: psycopg.Connection,
    log: list[Melding],
) -> None:
    stored(log)
    process = begun(run, consumer, connection)
    process.process.send_signal(by)
    assert process.process.wait(20) == 130
    assert "datadeling replay --resume 1" in process.output
    assert operator.json("replay", "--list")[0]["state"] == "stopped"
    assert operator.json("replay", "--resume", "1", "--rate", "100000")["state"] == "done"


def test_two_of_the_same_range_at_once_are_refused(
    stored: Stored,
    run: Run,
    consumer: Setting,
    operator: Operator,
    connection: psycopg.Connection,
    log: list[Melding],
) -> None:
    stored(log)
    first = begun(run, consumer, connection)
    assert "replay 1 reads some of the same" in operator.run("replay", "--from-beginning", code=1)
    assert "somebody runs replay 1 already" in operator.run("replay", "--resume", "1", code=1)
    operator.run("replay", "--cancel", "1")
    assert first.process.wait(20) == 1
    assert "cancelled" in first.output
    assert operator.json("replay", "--from-beginning", "--rate", "100000")["state"] == "done"


def test_an_outage_of_the_database_is_waited_for(
    stored: Stored, run: Run, consumer: Setting, connection: psycopg.Connection, log: list[Melding]
) -> None:
    stored(log)
    before = checksum(connection)
    connection.execute("UPDATE avtale SET opphav = 'lost'")
    with by_way_of(consumer) as (relay, env):
        process = begun(run, Setting(env, consumer.url), connection, "--json")
        relay.turn_away()
        relay.cut()
        wait_until(lambda: "service_unavailable" in process.output, "it has noticed")
        relay.let_in()
        assert process.process.wait(30) == 0, process.output
    assert number(connection, "SELECT sum(events) FROM replay_job_partition") == EVENTS
    assert checksum(connection) == before


def test_a_consumer_runs_what_is_asked_for(
    stored: Stored, operator: Operator, connection: psycopg.Connection, log: list[Melding]
) -> None:
    stored(log)
    before = checksum(connection)
    connection.execute("UPDATE avtale SET opphav = 'lost'")
    assert "replay 1 is asked for" in operator.run("replay", "--from-beginning", "--background")
    state = "SELECT count(*) FROM replay_job WHERE state = 'done'"
    wait_until(lambda: number(connection, state) == 1, "a consumer has run it")
    assert checksum(connection) == before
    connection.execute("INSERT INTO replay_job (topic) SELECT topic FROM replay_job")  # as SQL may, too
    wait_until(lambda: number(connection, state) == 2, "a consumer has run it")


def test_what_a_killed_consumer_began_the_next_one_ends(
    run: Run, consumer: Setting, produce: Callable[[list[Melding]], None], connection: psycopg.Connection,
    operator: Operator, log: list[Melding],
) -> None:  # fmt: skip
    first = run(consumer.env, "consume")
    produce(log)
    handled = "SELECT sum(next_offset) FROM consumer_offset"
    wait_until(lambda: number(connection, handled) == EVENTS, "everything is handled")
    operator.run("replay", "--from-beginning", "--background", "--rate", "1000")
    read = "SELECT sum(events) FROM replay_job_partition"
    wait_until(lambda: number(connection, read) > 0, "it has begun")
    first.kill()
    run(consumer.env, "consume")
    state = "SELECT count(*) FROM replay_job WHERE state = 'done'"
    wait_until(lambda: number(connection, state) == 1, "it has ended")
    assert number(connection, read) == EVENTS
