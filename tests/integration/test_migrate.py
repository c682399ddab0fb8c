"""Migrations: applied once and completely, also concurrently and after a kill."""

import subprocess
import sys
import tempfile
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import yoyo

from datadeling.db.migrate import is_current, known, migrate, status
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.errors import DatabaseUnavailable
from tests.integration.schema import migration_backend, tables

TABLES = {
    "avtale", "avtale_historikk", "avtale_slettet", "consumer_offset", "earlier_generation",
    "failed_message", "lookup_log", "operator_log", "replay_job", "replay_job_partition",
}  # fmt: skip


def tables_of(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return tables(connection)


def test_all_migrations_are_applied_once(empty_db_url: str) -> None:
    assert [m.applied for m in status(empty_db_url)] == [False] * len(known())
    assert migrate(empty_db_url) == known()
    assert tables_of(empty_db_url) == TABLES
    assert migrate(empty_db_url) == []
    assert all(m.applied for m in status(empty_db_url))


def test_a_schema_is_current_when_all_known_migrations_are_applied(empty_db_url: str) -> None:
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        assert not is_current(connection, known())
        migrate(empty_db_url)
        assert is_current(connection, known())
        assert not is_current(connection, [*known(), "9999_of_a_later_release"])
        assert is_current(connection, known()[:1])


def test_concurrent_migrations_apply_each_migration_once(empty_db_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(migrate, [empty_db_url] * 4))
    assert sorted(results) == [[], [], [], known()]
    assert tables_of(empty_db_url) == TABLES


KILLED = textwrap.dedent("""
    import os, signal, sys
    from yoyo.backends import DatabaseBackend
    from datadeling.db.migrate import migrate

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(DatabaseBackend, sys.argv[2], die)
    migrate(sys.argv[1])
""")


@pytest.mark.parametrize(
    "where",
    [
        pytest.param("apply_one", id="yoyo's lock taken, nothing applied"),
        pytest.param("mark_one", id="applied, not marked"),
        pytest.param("_delete_lock_row", id="applied and marked, lock left behind"),
    ],
)
def test_the_next_run_completes_a_killed_migration(empty_db_url: str, where: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, empty_db_url, where], check=False, timeout=60)
    assert killed.returncode == -9
    migrate(empty_db_url)
    assert tables_of(empty_db_url) == TABLES
    assert all(m.applied for m in status(empty_db_url))


def test_every_migration_can_be_run_again(empty_db_url: str) -> None:
    migrate(empty_db_url)
    with psycopg.connect(empty_db_url) as connection:
        connection.execute("DELETE FROM _yoyo_migration")
    assert migrate(empty_db_url) == known()


def test_every_migration_can_be_rolled_back(empty_db_url: str) -> None:
    migrate(empty_db_url)
    with migration_backend(empty_db_url) as backend:
        backend.rollback_migrations(backend.to_rollback(yoyo.read_migrations("migrations")))
    assert tables_of(empty_db_url) == set()
    assert migrate(empty_db_url) == known()


def test_options_in_the_url_are_kept(empty_db_url: str) -> None:
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA app")
    assert migrate(f"{empty_db_url}?options=-csearch_path%3Dapp") == known()
    assert tables_of(empty_db_url) == set()
    with psycopg.connect(empty_db_url) as connection:
        assert connection.execute("SELECT count(*) FROM app.avtale").fetchone() == (0,)


def test_the_url_can_name_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:  # a path short enough for a socket
        Path(directory).chmod(0o777)
        with EmbeddedPostgres(settings={"unix_socket_directories": directory}) as server:
            url = f"postgresql:///postgres?host={directory}&port={server.port}&user=postgres"
            assert migrate(url) == known()
            assert all(m.applied for m in status(url))


def test_an_unavailable_database_is_reported() -> None:
    with pytest.raises(DatabaseUnavailable):
        migrate("postgresql://postgres@127.0.0.1:1/nothing")
