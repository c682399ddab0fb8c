"""No answer without its record, whatever refuses the record and whichever process is killed."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import count
from threading import Event
from urllib.parse import quote

import psutil
import psycopg
import pytest

from datadeling.api.server import CONNECTIONS as PER_WORKER
from datadeling.db.migrate import migrate
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import free_port
from tests.acceptance.conftest import Run, Setting
from tests.acceptance.lookups import CALLS, CLIENT_ID, ask, recorded
from tests.acceptance.processes import Answer, Process
from tests.integration.api.rows import FNR, avtale_id, insert, row
from tests.relay import Relay
from tests.waiting import wait_until

ROLE = "role_of_serve"
CONNECTIONS = 2 * PER_WORKER  # of the default number of workers
_MONTHS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'lookup_log'::regclass"


@pytest.fixture
def token(issuer: TokenIssuer) -> str:
    return issuer.token(CLIENT_ID)


@pytest.fixture
def env(issuer: TokenIssuer) -> dict[str, str]:
    """The environment of `serve`, without its database."""
    return {
        "AZURE_APP_CLIENT_ID": CLIENT_ID,
        "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
        "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
        "CONSUMER_PORT": str(free_port()),
    }


Serve = Callable[[str], tuple[Setting, Process]]


@pytest.fixture
def serve(run: Run, env: dict[str, str]) -> Serve:
    """Start the API on the database of a URL."""

    def start(url: str) -> tuple[Setting, Process]:
        port = free_port()
        api = Setting({**env, "DB_URL": url, "PORT": str(port)}, f"http://127.0.0.1:{port}")
        process = run(api.env, "serve")
        process.answers(f"{api.url}/internal/health/readiness")
        return api, process

    return start


@pytest.fixture
def role(connection: psycopg.Connection) -> Iterator[str]:
    """A role with the rights of `serve`, which is no superuser."""
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
    """Return True when the answer is an error to retry, with nothing about the person."""
    problem = json.loads(answer.body)
    no_data = not {avtale_id(1), FNR, "hemmelig", "VTAO"} & set(answer.body.replace('"', " ").split())
    return (answer.status, problem["kode"], answer.headers.get("Retry-After"), no_data) == (
        503,
        kode,
        "1",
        True,
    )


def test_a_lookup_without_a_record_is_not_answered(
    serve: Serve, db_url: str, connection: psycopg.Connection, role: str, token: str
) -> None:
    """Repeated, so that it holds for the statement before and after it is prepared."""
    insert(connection, [row(1)])
    api, process = serve(f"{db_url}?options={quote(f'-c role={role}')}")
    for what, (change, back, kode) in FAULTS.items():
        for each in CALLS:
            for _ in range(12):
                assert ask(api, token, each).status == 200, (what, each)
        before = len(recorded(connection))
        with changed(connection, change, back):
            for each in CALLS:
                for _ in range(7):
                    assert refused(answer := ask(api, token, each), kode), (what, each, answer)
        assert len(recorded(connection)) == before, what
    assert "lookup_refused" in process.output
    assert "hemmelig" not in process.output
    assert FNR not in process.output


def test_sessions_on_a_read_only_server_are_replaced(
    serve: Serve, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    """As after a failover: the old server reads, and never writes again."""
    insert(connection, [row(1)])
    api, process = serve(db_url)
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
                assert refused(answer := ask(api, token, each), "DATABASE_UTILGJENGELIG"), answer
        assert recorded(connection) == set()
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    # The sessions of the API still refuse to write: each is replaced when a lookup meets it.
    statuses = [ask(api, token, each).status for each in CALLS for _ in range(10)]
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


def test_cut_off_between_the_rows_and_the_commit(
    serve: Serve, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    """The rows have arrived, the result of the commit has not: no answer."""
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
        api, _ = serve(relay.way_to(db_url))
        size = len(ask(api, token, CALLS[2]).body)
        assert size > 30_000  # more than the server buffers until the commit
        for _ in range(3):
            connection.execute("SELECT pg_advisory_lock(42)")
            before = relay.bytes_back
            answer = pool.submit(ask, api, token, CALLS[2])
            wait_until(partial(waits_at_commit, connection, answer), "the commit has begun")
            wait_until(partial(has_passed, relay, before + size // 2), "rows have come")
            relay.cut()
            assert refused(answer.result(20), "DATABASE_UTILGJENGELIG"), answer
            connection.execute("SELECT pg_advisory_unlock(42)")
        wait_until(lambda: ask(api, token, CALLS[2]).status == 200, "it answers again")


class Clients:
    """Clients that send lookups without a pause, and keep the ids of those with a whole answer."""

    def __init__(self, api: Setting, token: str, clients: int = 4) -> None:
        self._api, self._token = api, token
        self._numbers = count()
        self._stop = Event()
        self._pool = ThreadPoolExecutor(clients)
        self.answered: list[str] = []
        self._running: list[Future[None]] = [self._pool.submit(self._send) for _ in range(clients)]

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for each in self._running:
            each.result()

    def more(self, answers: int = 50) -> None:
        """Block until there are so many more answers."""
        goal = len(self.answered) + answers
        wait_until(lambda: len(self.answered) >= goal, "lookups are answered")

    def _send(self) -> None:
        while not self._stop.is_set():
            call_id = f"call-{next(self._numbers)}"
            answer = ask(self._api, self._token, CALLS[0], call_id)
            if answer.status == 200:
                assert json.loads(answer.body)["antall"] == 1
                self.answered.append(call_id)
            else:
                assert answer.status in {0, 503}


def workers(process: Process) -> list[int]:
    return [child.pid for child in psutil.Process(process.process.pid).children()]


def test_every_answer_has_its_record_when_workers_are_killed(
    serve: Serve, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    insert(connection, [row(1)])
    api, process = serve(db_url)
    with Clients(api, token) as clients:
        for _ in range(4):
            clients.more()
            for worker in workers(process):
                os.kill(worker, signal.SIGKILL)
        clients.more()
        pids = [*workers(process), process.process.pid]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    assert len(clients.answered) >= 250
    assert set(clients.answered) <= recorded(connection)


def test_every_answer_has_its_record_when_postgresql_crashes(serve: Serve, token: str) -> None:
    """A record that was committed is there after the crash."""
    with EmbeddedPostgres() as server:
        migrate(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            insert(connection, [row(1)])
        api, _ = serve(server.url)
        with Clients(api, token) as clients:
            for _ in range(3):
                clients.more()
                with psycopg.connect(server.url) as victim:
                    os.kill(victim.info.backend_pid, signal.SIGKILL)
            clients.more()
        with psycopg.connect(server.url) as connection:
            assert set(clients.answered) <= recorded(connection)


def test_a_repeated_header_is_one_list(
    serve: Serve, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    api, _ = serve(db_url)

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
