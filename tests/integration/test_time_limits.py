"""Time limits: each is set, and each has its effect."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Timer
from urllib.parse import quote

import psycopg
import pytest

from datadeling.db.connection import BACKGROUND, Limits, connect
from datadeling.db.database import Database
from datadeling.db.pool import pool_conninfo
from datadeling.errors import DatabaseUnavailable
from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id, melding
from tests.integration.storing import BEGINNING, PARK_LIMIT, TOPIC, begin, position, tables, write_batch
from tests.relay import Relay
from tests.waiting import wait_until

NOTICED_WITHIN = 30.0  # seconds, for a server that is gone or silent


def limited(url: str, **limits: str) -> str:
    """Return the URL with other limits, which override our own."""
    options = quote(" ".join(f"-c {name}={value}" for name, value in limits.items()))
    return f"{url}{'&' if '?' in url else '?'}options={options}"


@contextmanager
def store_at(url: str, limits: Limits = BACKGROUND) -> Iterator[Store]:
    with closing(Database(url, "test", limits)) as database:
        yield Store(database, TOPIC, PARK_LIMIT)


def nothing_happened(connection: psycopg.Connection, store: Store) -> bool:
    found = tables(connection)
    return not (found.present or found.history or found.failed) and position(store, 0) == BEGINNING


def test_the_session_has_its_limits(db_url: str) -> None:
    names = (
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_timeout",
        "client_connection_check_interval",
    )
    with connect(db_url, application="test") as connection:
        assert {name: connection.execute(f"SHOW {name}").fetchone() for name in names} == {
            "lock_timeout": ("5s",),
            "idle_in_transaction_session_timeout": ("10s",),
            "transaction_timeout": ("30s",),
            "client_connection_check_interval": ("2s",),
        }
    assert 5 < BACKGROUND.timeout < NOTICED_WITHIN


def test_the_socket_has_its_limits(db_url: str) -> None:
    with connect(db_url, application="test") as ours, psycopg.connect(pool_conninfo(db_url)) as of_the_api:
        for connection in (ours, of_the_api):
            with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
                idle, every, times, unheard = (
                    line.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (
                        socket.TCP_KEEPIDLE,
                        socket.TCP_KEEPINTVL,
                        socket.TCP_KEEPCNT,
                        socket.TCP_USER_TIMEOUT,
                    )
                )
                assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert 0 < idle + every * times < NOTICED_WITHIN
            assert 0 < unheard < NOTICED_WITHIN * 1_000


def test_a_lock_is_waited_for_until_lock_timeout(db_url: str, connection: psycopg.Connection) -> None:
    with store_at(limited(db_url, lock_timeout="200ms")) as store, closing(Database(db_url, "x")) as other:
        positions = begin(store)
        with other.transaction() as tx:
            tx.lock_partition(TOPIC, 0)
            with pytest.raises(DatabaseUnavailable, match="55P03"):
                write_batch(store, [melding(1)], positions)
        assert nothing_happened(connection, store)
        assert write_batch(store, [melding(1)], positions).outcomes == {"new": 1}


def test_a_transaction_ends_at_transaction_timeout(db_url: str, connection: psycopg.Connection) -> None:
    connection.execute("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(60); RETURN new; END $$;
        CREATE TRIGGER dawdle BEFORE INSERT ON avtale EXECUTE FUNCTION dawdle()
    """)
    with store_at(limited(db_url, transaction_timeout="2s")) as store:
        positions = begin(store)
        with pytest.raises(DatabaseUnavailable):
            write_batch(store, [melding(1)], positions)
        assert nothing_happened(connection, store)
        connection.execute("DROP TRIGGER dawdle ON avtale")
        assert write_batch(store, [melding(1)], positions).outcomes == {"new": 1}


def test_a_stopped_consumer_does_not_block_its_successor(
    db_url: str, store: Store, connection: psycopg.Connection
) -> None:
    positions = begin(store)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.zombie", db_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as zombie:
        assert zombie.stdout is not None
        assert zombie.stdout.readline() == "written\n"
        zombie.send_signal(signal.SIGSTOP)
        try:
            assert failed_attempts(store, [melding(2)], positions) in {1, 2, 3}
        finally:
            zombie.send_signal(signal.SIGCONT)
        output, _ = zombie.communicate("commit\n")
    assert output == "DatabaseUnavailable\n"
    assert set(tables(connection).present) == {avtale_id(2)}
    assert position(store, 0) == positions[0]._replace(next_offset=1)


def test_a_consumer_killed_in_a_long_statement_does_not_block_its_successor(
    db_url: str, store: Store, connection: psycopg.Connection
) -> None:
    connection.execute("""
        CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('application_name') = 'zombie' THEN PERFORM pg_sleep(60); END IF;
            RETURN new;
        END $$;
        CREATE TRIGGER dawdle BEFORE INSERT ON avtale FOR EACH ROW EXECUTE FUNCTION dawdle()
    """)
    positions = begin(store)
    at_it = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'zombie' AND wait_event = 'PgSleep'"
    )
    with subprocess.Popen([sys.executable, "-m", "tests.integration.zombie", db_url]) as zombie:
        wait_until(lambda: connection.execute(at_it).fetchone() == (1,), "it is in its statement")
        zombie.kill()
    assert failed_attempts(store, [melding(2)], positions) <= 1
    assert set(tables(connection).present) == {avtale_id(2)}


def failed_attempts(store: Store, *batch: object) -> int:
    """Write a batch, and return how many attempts failed before one succeeded."""
    for failures in range(10):
        try:
            write_batch(store, *batch)  # type: ignore[arg-type]
        except DatabaseUnavailable:
            continue
        return failures
    raise AssertionError("the zombie holds on")


def test_an_unresponsive_server_ends_the_transaction(db_url: str, connection: psycopg.Connection) -> None:
    impatient = BACKGROUND._replace(timeout=0.5)
    with Relay.to(db_url) as relay, store_at(relay.way_to(db_url), impatient) as store:
        relay.start()
        positions = begin(store)
        relay.fall_silent()
        with pytest.raises(DatabaseUnavailable):
            write_batch(store, [melding(1)], positions)
        relay.stop()
        relay.start()
        assert nothing_happened(connection, store)
        assert write_batch(store, [melding(1)], positions).outcomes == {"new": 1}


def test_an_unresponsive_server_ends_the_attempt_to_connect(db_url: str) -> None:
    with Relay.to(db_url) as relay, store_at(f"{relay.way_to(db_url)}?connect_timeout=2") as store:
        relay.start()
        relay.fall_silent()
        with pytest.raises(DatabaseUnavailable, match="no connection"):
            position(store, 0)
        relay.stop()
        relay.start()
        assert position(store, 0) is None


def test_wind_up_ends_a_wait_and_allows_no_new_connection(db_url: str) -> None:
    with Relay.to(db_url) as relay, closing(Database(relay.way_to(db_url), "test")) as database:
        relay.start()
        store = Store(database, TOPIC, PARK_LIMIT)
        positions = begin(store)
        relay.fall_silent()
        database.wind_up(0.2)
        rescue = Timer(15.0, relay.stop)
        rescue.start()
        with pytest.raises(DatabaseUnavailable):
            write_batch(store, [melding(1)], positions)
        assert rescue.is_alive()  # otherwise the relay has ended the wait
        rescue.cancel()
        relay.stop()
        relay.start()
        with pytest.raises(DatabaseUnavailable, match="winding up"):
            write_batch(store, [melding(1)], positions)


def test_the_last_batch_can_be_written_after_wind_up(db_url: str, store: Store) -> None:
    positions = begin(store)
    with closing(Database(db_url, "test")) as database:
        last = Store(database, TOPIC, PARK_LIMIT)
        position(last, 0)
        database.wind_up(60.0)
        assert write_batch(last, [melding(1)], positions).outcomes == {"new": 1}
