"""No lookup is answered without its record, also when the record is refused or a process is killed."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from urllib.parse import quote

import psycopg
import pytest

from datadeling.api.server import CONNECTIONS as PER_WORKER
from tests.acceptance.conftest import ServeOn
from tests.acceptance.lookups import CALLS, look_up, recorded
from tests.acceptance.processes import Answer
from tests.integration.api.rows import FNR, avtale_id, insert, row
from tests.relay import Relay
from tests.waiting import wait_until

ROLE = "role_of_serve"
CONNECTIONS = 2 * PER_WORKER  # of the default number of workers
_MONTHS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'lookup_log'::regclass"


@pytest.fixture
def role(connection: psycopg.Connection) -> Iterator[str]:
    """Create a role with the rights of `serve`."""
    connection.execute(f"CREATE ROLE {ROLE}")
    connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}")
    connection.execute(f"GRANT INSERT ON lookup_log TO {ROLE}")
    yield ROLE
    connection.execute(f"DROP OWNED BY {ROLE}")
    connection.execute(f"DROP ROLE {ROLE}")


@contextmanager
def changed(connection: psycopg.Connection, change: str, back: str) -> Iterator[None]:
    connection.execute(change)
    try:
        yield
    finally:
        connection.execute(back)


def trigger(sqlstate: str, when: str) -> tuple[str, str]:
    """Return SQL that makes a record fail, when it is written or at the commit, and SQL that undoes it."""
    function = (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE 'hemmelig {FNR}' USING ERRCODE = '{sqlstate}'; END $$;"
    )
    each = {
        "written": "CREATE TRIGGER refuse BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION refuse()",
        "committed": "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON %I DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    }[when]
    create = (
        "DO $do$ DECLARE month name; BEGIN FOR month IN SELECT relname FROM pg_inherits"
        " JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'lookup_log'::regclass"
        f" LOOP EXECUTE format('{each}', month); END LOOP; END $do$"
    )
    return function + create, "DROP FUNCTION refuse CASCADE"


MONTHS_GONE = (
    "ALTER TABLE lookup_log RENAME TO whole;"
    " CREATE TABLE lookup_log (LIKE whole) PARTITION BY RANGE (tidspunkt);"
    f" GRANT INSERT ON lookup_log TO {ROLE}"
)
FAULTS = {
    "no month": (
        MONTHS_GONE,
        "DROP TABLE lookup_log; ALTER TABLE whole RENAME TO lookup_log",
        "OPPSLAG_AVVIST",
    ),
    "no table": (
        "ALTER TABLE lookup_log RENAME TO away",
        "ALTER TABLE away RENAME TO lookup_log",
        "OPPSLAG_AVVIST",
    ),
    "no right": (
        f"REVOKE INSERT ON lookup_log FROM {ROLE}",
        f"GRANT INSERT ON lookup_log TO {ROLE}",
        "OPPSLAG_AVVIST",
    ),
    "refused when written": (*trigger("P0001", "written"), "OPPSLAG_AVVIST"),
    "value refused when written": (*trigger("22001", "written"), "OPPSLAG_AVVIST"),
    "disk full when written": (*trigger("53100", "written"), "DATABASE_UTILGJENGELIG"),
    "refused at the commit": (*trigger("P0001", "committed"), "OPPSLAG_AVVIST"),
    "disk full at the commit": (*trigger("53100", "committed"), "DATABASE_UTILGJENGELIG"),
    "constraint at the commit": (*trigger("23514", "committed"), "OPPSLAG_AVVIST"),
}


def refused(answer: Answer, kode: str) -> bool:
    """Return True when the response is a 503 with this code, and has nothing about the person."""
    problem = json.loads(answer.body)
    no_data = not {avtale_id(1), FNR, "hemmelig", "VTAO"} & set(answer.body.replace('"', " ").split())
    return (answer.status, problem["kode"], answer.headers.get("Retry-After"), no_data) == (
        503,
        kode,
        "1",
        True,
    )


def test_a_lookup_without_a_record_is_not_answered(
    serve_on: ServeOn, db_url: str, connection: psycopg.Connection, role: str, token: str
) -> None:
    """Each lookup is repeated, so that its statement is tested before and after it is prepared."""
    insert(connection, [row(1)])
    api, process = serve_on(f"{db_url}?options={quote(f'-c role={role}')}")
    for what, (change, back, kode) in FAULTS.items():
        for each in CALLS:
            for _ in range(12):
                assert look_up(api, token, each).status == 200, (what, each)
        before = len(recorded(connection))
        with changed(connection, change, back):
            for each in CALLS:
                for _ in range(7):
                    assert refused(answer := look_up(api, token, each), kode), (what, each, answer)
        assert len(recorded(connection)) == before, what
    assert "lookup_refused" in process.output
    assert "hemmelig" not in process.output
    assert FNR not in process.output


def test_sessions_on_a_read_only_server_are_replaced(
    serve_on: ServeOn, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    """As after a failover, when the old server accepts no writes any more."""
    insert(connection, [row(1)])
    api, process = serve_on(db_url)
    name = connection.info.dbname

    def reconnect() -> None:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'datadeling serve'"
        )

    with changed(
        connection,
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
        "SET default_transaction_read_only = off",
    ):
        reconnect()
        for _ in range(2 * len(CALLS)):
            for each in CALLS:
                assert refused(answer := look_up(api, token, each), "DATABASE_UTILGJENGELIG"), answer
        assert recorded(connection) == set()
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    # The sessions of the API still refuse to write: each is replaced when a lookup meets it.
    statuses = [look_up(api, token, each).status for each in CALLS for _ in range(10)]
    assert statuses.count(200) >= len(statuses) - CONNECTIONS
    assert len(recorded(connection)) == statuses.count(200)
    assert "25006" in process.output


def waits_at_commit(connection: psycopg.Connection, answer: Future[Answer]) -> bool:
    """Return True when a lookup waits at its commit."""
    assert not answer.done()
    waiting = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    return connection.execute(waiting).rowcount == 1


def has_passed(relay: Relay, size: int) -> bool:
    return relay.bytes_back > size


def test_a_connection_lost_before_the_commit_gives_no_answer(
    serve_on: ServeOn, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    """The rows have arrived, and the result of the commit has not."""
    insert(connection, [row(n) for n in range(1, 101)])
    connection.execute("""
        CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '60s' AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END $$
    """)
    for (month,) in connection.execute(_MONTHS).fetchall():
        connection.execute(
            f"CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON {month} DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION linger()"
        )
    with Relay.to(db_url) as relay, ThreadPoolExecutor(1) as pool:
        relay.start()
        api, _ = serve_on(relay.way_to(db_url))
        size = len(look_up(api, token, CALLS[2]).body)
        assert size > 30_000  # more than the server buffers until the commit
        for _ in range(3):
            connection.execute("SELECT pg_advisory_lock(42)")
            before = relay.bytes_back
            answer = pool.submit(look_up, api, token, CALLS[2])
            wait_until(partial(waits_at_commit, connection, answer), "the commit has begun")
            wait_until(partial(has_passed, relay, before + size // 2), "rows have come")
            relay.cut()
            assert refused(answer.result(20), "DATABASE_UTILGJENGELIG"), answer
            connection.execute("SELECT pg_advisory_unlock(42)")
        wait_until(lambda: look_up(api, token, CALLS[2]).status == 200, "it answers again")


def test_repeated_headers_are_recorded_as_one_list(
    serve_on: ServeOn, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    api, _ = serve_on(db_url)

    def send(*purposes: str) -> tuple[int, str]:
        with closing(HTTPConnection("127.0.0.1", int(api.env["PORT"]), timeout=10)) as http:
            http.putrequest("GET", f"/api/v1/avtaler/{avtale_id(1)}")
            http.putheader("Authorization", f"Bearer {token}")
            for purpose in purposes:
                http.putheader("Behandlingsnummer", purpose)
            http.endheaders()
            response = http.getresponse()
            return response.status, response.read().decode()

    assert send("b123", "B124, B123")[0] == 404
    found = connection.execute("SELECT behandlingsnummer FROM lookup_log").fetchall()
    assert found == [(["B123", "B124"],)]
    for purposes in (("B123", "hemmelig"), ("hemmelig", "B123"), ("B123", "")):
        status, body = send(*purposes)
        assert (status, json.loads(body)["kode"]) == (400, "UGYLDIG_BEHANDLINGSNUMMER")
        assert "hemmelig" not in body
    assert len(recorded(connection)) == 1
