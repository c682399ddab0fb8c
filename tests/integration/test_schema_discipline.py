"""Every migration can be applied and rolled back while the database is in use."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
import yoyo
from yoyo.backends import DatabaseBackend

from datadeling.db.migrate import _alone, _backend, migrate, status
from datadeling.errors import Locked
from tests.integration.lock_watch import watched
from tests.integration.schema import migration_backend, tables

# For each table: rows as the release wrote them that brought it. A later migration must let it go on.
_AVTALE = """
    SELECT gen_random_uuid(), number, '15877512360', 'MENTOR', 'AVSLUTTET', 1, false, false, false,
        now(), now(), 0, 0, number, now(), now()
"""
_AVTALE_COLUMNS = """
    avtale_id, avtale_nr, deltaker_fnr, tiltakstype, avtale_status, versjon, godkjent_paa_vegne_av,
    godkjent_paa_vegne_av_arbeidsgiver, feilregistrert, opprettet_tidspunkt, endret_tidspunkt, generation,
    kafka_partition, kafka_offset, hendelse_tidspunkt, mottatt_tidspunkt
"""
_ROWS = {
    "avtale": f"INSERT INTO avtale ({_AVTALE_COLUMNS}) {_AVTALE}",
    "avtale_historikk": f"""
        INSERT INTO avtale_historikk ({_AVTALE_COLUMNS}, gyldig_fra, gyldig_til) {_AVTALE}, now(), now()
    """,
    "avtale_touched": "INSERT INTO avtale_touched (avtale_id) SELECT gen_random_uuid()",
    "avtale_slettet": "INSERT INTO avtale_slettet SELECT gen_random_uuid(), 0, 0, number, now()",
    "consumer_offset": """
        INSERT INTO consumer_offset (topic, kafka_partition, next_offset, historikk_fra)
        SELECT 'avtaler', number, 0, now()
    """,
    "failed_message": """
        INSERT INTO failed_message
            (topic, generation, kafka_partition, kafka_offset, hendelse_tidspunkt, reason, message)
        SELECT 'avtaler', 0, 0, number, now(), 'x', 'x'
    """,
    "earlier_generation": "INSERT INTO earlier_generation SELECT 'avtaler', number, 0, 0",
    "operator_log": "INSERT INTO operator_log (who, command, target) SELECT 'x', 'x', 'x'",
    "replay_job": "INSERT INTO replay_job (topic, requested_by) SELECT 'avtaler', 'x'",
    "replay_job_partition": """
        INSERT INTO replay_job_partition
            (job_id, kafka_partition, generation, from_offset, next_offset, to_offset)
        SELECT (SELECT min(id) FROM replay_job), number, 0, 0, 0, 0
    """,
    "lookup_log": """
        INSERT INTO lookup_log
            (call_id, consumer, behandlingsnummer, endpoint, criteria, felter, personer, hits)
        SELECT 'x', 'x', '{}', 'x', '{}', '{}', '{}', 0
    """,
}
_MANY = 200

FILES = list(yoyo.read_migrations("migrations"))

# Tables that a migration drops. The release before it does without them: only its replays wrote existing.
_DROPPED = {"0010_read_everything": {"avtale_touched"}}


@pytest.fixture
def connection(empty_db_url: str) -> Iterator[psycopg.Connection]:
    """Connect to a database before any migration."""
    with psycopg.connect(empty_db_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def backend(empty_db_url: str) -> Iterator[DatabaseBackend]:
    """Return a backend of yoyo, which runs the steps of single migrations."""
    with migration_backend(empty_db_url) as backend:
        yield backend


def fill(connection: psycopg.Connection, names: set[str], first: int) -> None:
    """Put rows into these tables, numbered from `first`."""
    if "lookup_log" in names:
        connection.execute("CREATE TABLE IF NOT EXISTS any_month PARTITION OF lookup_log DEFAULT")
    for name in (name for name in _ROWS if name in names):
        connection.execute(f"{_ROWS[name]} FROM generate_series({first}, {first + _MANY - 1}) AS number")


def content(connection: psycopg.Connection, names: set[str]) -> dict[str, set[str]]:
    return {
        name: {row for (row,) in connection.execute(f"SELECT one::text FROM {name} AS one")} for name in names
    }


@pytest.mark.parametrize("number", [pytest.param(n, id=file.id) for n, file in enumerate(FILES)])
def test_a_migration_is_applied_and_rolled_back_without_blocking_readers(
    number: int, backend: DatabaseBackend, connection: psycopg.Connection
) -> None:
    for file in FILES[:number]:
        file.process_steps(backend, "apply")
    existing = tables(connection)
    assert existing <= _ROWS.keys()
    fill(connection, existing, 0)
    kept = existing - _DROPPED.get(FILES[number].id, set())
    before = content(connection, kept)

    faults = watched(backend.connection)
    FILES[number].process_steps(backend, "apply")
    fill(connection, kept, _MANY)  # by the release that runs until the deploy
    fill(connection, tables(connection) - existing, 0)
    FILES[number].process_steps(backend, "rollback")
    assert tables(connection) == existing
    after = content(connection, kept)
    assert [name for name in kept if not before[name] <= after[name]] == []
    assert faults == []


@pytest.mark.parametrize(
    ("statement", "blocks"),
    [
        pytest.param("ALTER TABLE avtale ADD COLUMN ny text", False, id="a column"),
        pytest.param(
            "ALTER TABLE avtale ADD COLUMN ny integer NOT NULL DEFAULT 7", False, id="with a default"
        ),
        pytest.param("ALTER TABLE avtale ADD CHECK (versjon > 0) NOT VALID", False, id="a check, not valid"),
        pytest.param("CREATE INDEX ON avtale (versjon)", False, id="an index, which lets readers go on"),
        pytest.param("ALTER TABLE avtale ALTER versjon TYPE bigint", True, id="another type"),
        pytest.param("ALTER TABLE avtale ADD CHECK (versjon > 0)", True, id="a check"),
        pytest.param("ALTER TABLE avtale ALTER deltaker_fnr SET NOT NULL", True, id="not null"),
        pytest.param("ALTER TABLE avtale ADD UNIQUE (avtale_nr)", True, id="unique"),
        pytest.param(
            "ALTER TABLE avtale ADD COLUMN ny uuid DEFAULT gen_random_uuid()", True, id="a default for each"
        ),
        pytest.param("LOCK TABLE avtale; UPDATE avtale SET versjon = 2", True, id="rows"),
    ],
)
def test_a_statement_that_blocks_readers_for_long_is_found(
    statement: str, blocks: bool, backend: DatabaseBackend, connection: psycopg.Connection
) -> None:
    for file in FILES:
        file.process_steps(backend, "apply")
    fill(connection, {"avtale"}, 0)
    faults = watched(backend.connection)
    with backend.transaction(), closing(backend.cursor()) as cursor:
        for one in statement.split(";"):
            cursor.execute(one)
    assert [fault.table for fault in faults] == ["avtale"] * blocks


def test_a_migration_gives_up_on_a_locked_table_and_can_be_run_again(
    empty_db_url: str, connection: psycopg.Connection
) -> None:
    """Readers queue behind a statement that waits for an exclusive lock, so it must not wait for long."""
    migrate(empty_db_url)
    connection.execute("DROP TABLE lookup_log")
    connection.execute("DELETE FROM _yoyo_migration")
    with psycopg.connect(empty_db_url) as reader:
        reader.execute("SELECT count(*) FROM avtale_historikk")
        with pytest.raises(Locked):
            migrate(f"{empty_db_url}?options=-clock_timeout%3D100ms")
        assert reader.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (0,)
        assert {one.id for one in status(empty_db_url) if not one.applied} != set()
    assert migrate(empty_db_url) != []
    assert all(one.applied for one in status(empty_db_url))


def test_every_connection_of_a_migration_has_a_lock_timeout(empty_db_url: str) -> None:
    with _backend(empty_db_url) as backend, _alone(empty_db_url) as alone, backend.copy() as steps:
        for connection in (backend.connection, alone, steps.connection):
            ((limit,),) = connection.execute("SELECT current_setting('lock_timeout')").fetchall()
            assert limit == "5s"
