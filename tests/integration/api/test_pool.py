"""The API's connections: what they may do, how long they wait, and how they come back."""

from contextlib import ExitStack

import psycopg
import pytest
from structlog.testing import capture_logs

from datadeling.db.connection import connect
from datadeling.db.lookups import Lookups
from datadeling.db.migrate import migrate
from datadeling.db.pool import Pool
from datadeling.errors import DatabaseUnavailable
from tests.integration.api.lookups import find, search, status
from tests.integration.api.rows import FNR, avtale_id, insert, row
from tests.relay import Relay


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("TimeZone", "Europe/Oslo"),
        ("statement_timeout", "2s"),
        ("lock_timeout", "1s"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("jit", "off"),
        ("application_name", "datadeling serve"),
    ],
)
def test_a_session_is_set_up(setting: str, value: str, pool: Pool) -> None:
    with pool.connection() as connection:
        assert connection.autocommit
        found = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert found == (value,)


@pytest.mark.parametrize("sqlstate", ["57014", "57P01", "55P03", "53300", "40001", "08006"])
def test_an_error_of_the_service_is_unavailable(sqlstate: str, pool: Pool) -> None:
    statement = f"DO $$ BEGIN RAISE 'hemmelig' USING ERRCODE = '{sqlstate}'; END $$"
    with pytest.raises(DatabaseUnavailable) as caught, pool.connection() as connection:
        connection.execute(statement)
    assert "hemmelig" not in str(caught.value)
    assert caught.value.__cause__ is None
    Lookups(pool).ping()


def test_a_locked_table_is_not_waited_for(lookups: Lookups, connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("LOCK TABLE avtale")
        with pytest.raises(DatabaseUnavailable, match="55P03"):
            search(lookups, [FNR])
    search(lookups, [FNR])


def test_a_lookup_without_a_free_connection_fails_soon(db_url: str) -> None:
    pool = Pool(db_url, 1)
    pool.open()
    with pool.connection(), pytest.raises(DatabaseUnavailable):
        Lookups(pool).ping()
    Lookups(pool).ping()
    pool.close()


def test_connections_closed_by_the_server_are_replaced(db_url: str, connection: psycopg.Connection) -> None:
    pool = Pool(db_url, 4)
    pool.open()
    for _ in range(2):
        with ExitStack() as taken:
            for _ in range(4):
                taken.enter_context(pool.connection())
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'datadeling serve'"
        )
        assert ended.fetchall() == [(True,)] * 4
        Lookups(pool).ping()
    pool.close()


def test_a_server_that_falls_silent_is_given_up(db_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with Relay.to(db_url) as relay:
        relay.start()
        pool = Pool(relay.way_to(db_url), 1)
        pool.open()
        with pytest.raises(DatabaseUnavailable):
            _ask_when_silent(pool, relay)
        with pytest.raises(DatabaseUnavailable):
            Lookups(pool).ping()
        relay.stop()
        pool.close()
    assert not [record for record in caplog.records if record.name.startswith("psycopg")]


def _ask_when_silent(pool: Pool, relay: Relay) -> None:
    with pool.connection() as connection:
        relay.fall_silent()
        connection.execute("SELECT 1")


def test_a_lookup_finds_its_rows_by_an_index(db_url: str, connection: psycopg.Connection) -> None:
    insert(connection, (row(n, deltaker_fnr=f"158775{n % 997:05d}") for n in range(4_000)))
    connection.execute("ANALYZE avtale")
    connection.execute("SELECT pg_stat_reset()")
    pool = Pool(db_url, 1)
    pool.open()
    lookups = Lookups(pool)
    for _ in range(12):  # the last ones by the plan that serves any value
        search(lookups, [FNR])
        status(lookups, [FNR], row(1)["start_dato"])
        find(lookups, avtale_id(1))
    with pool.connection() as session:
        session.execute("SELECT pg_stat_force_next_flush()")
    pool.close()
    scans = "SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'avtale'"
    assert connection.execute(scans).fetchone() == (0, 36)


def test_values_are_never_part_of_a_statement(lookups: Lookups, connection: psycopg.Connection) -> None:
    insert(connection, [row(1)])
    for ident in ("' OR true --", "{}", "{NULL}", "%s", "%(identer)s", "\\"):
        assert search(lookups, [ident]) == '{"avtaler" : [], "markoer" : null}'


def test_a_lookup_without_the_schema_is_unavailable(empty_db_url: str, db_url: str) -> None:
    pool = Pool(empty_db_url, 1)
    pool.open()
    with pytest.raises(DatabaseUnavailable, match="the schema lacks migrations"):
        search(Lookups(pool), [FNR])
    pool.close()
    with connect(db_url, application="test") as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id = '0001_avtale'")
    pool = Pool(db_url, 1)
    pool.open()
    with pytest.raises(DatabaseUnavailable, match="the schema lacks migrations"):
        Lookups(pool).ping()
    pool.close()


def test_an_outage_and_its_end_are_logged_once(empty_db_url: str) -> None:
    pool = Pool(empty_db_url, 1)
    pool.open()
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                Lookups(pool).ping()
        migrate(empty_db_url)
        for _ in range(2):
            Lookups(pool).ping()
    pool.close()
    told = [(line["event"], line.get("cause")) for line in lines if line["event"].startswith("database_")]
    assert told == [
        ("database_unavailable", "the schema lacks migrations"),
        ("database_available", None),
    ]
