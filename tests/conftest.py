"""Fixtures for every test. Services start when the first test needs them, once a run."""

import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from hypothesis import HealthCheck, settings
from psycopg import sql

from datadeling.db.migrate import migrate
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.pipeline.message import Message
from tests.services import Kafka, Postgres, kafka_service, postgres_service

# A shell that starts tests in the background makes them, and all processes that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test may depend on how fast the machine is.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("long", settings.get_profile("suite"), max_examples=3_000)  # by hand
settings.load_profile("suite")

pytest_plugins = ("tests.collected_is_run",)

USED: dict[str, str] = {}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report the services used by this process to the process that started it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["services"] = USED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001
    """Collect the services that another process has used."""
    USED.update(getattr(node, "workeroutput", {}).get("services", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the services that the tests ran against."""
    for name, origin in USED.items():
        terminalreporter.write_line(f"{name}: {origin}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Provide a real PostgreSQL 18."""
    with postgres_service() as service:
        USED["PostgreSQL"] = service.origin
        yield service


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """Provide a real Kafka 4."""
    with kafka_service() as service:
        USED["Kafka"] = service.origin
        yield service


@pytest.fixture(scope="session")
def _template(postgres: Postgres) -> Iterator[str]:
    with fresh_database(postgres, template="template0") as (name, url):
        migrate(url)
        yield name


@pytest.fixture
def db_url(postgres: Postgres, _template: str) -> Iterator[str]:
    """Create a database for this test, with the schema."""
    with fresh_database(postgres, template=_template) as (_, url):
        yield url


@pytest.fixture
def empty_db_url(postgres: Postgres) -> Iterator[str]:
    """Create an empty database for this test."""
    with fresh_database(postgres, template="template0") as (_, url):
        yield url


@pytest.fixture(scope="session")
def _server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(settings={"shared_buffers": "32MB"}) as server:
        yield server


@pytest.fixture
def server(_server: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """Provide a PostgreSQL for roles and slots, which belong to a whole server; drop them after each test.

    It is a server of its own because creating a slot waits for every writing transaction on the server.
    """
    yield _server
    with psycopg.connect(_server.url, autocommit=True) as admin:
        for (slot,) in admin.execute("SELECT slot_name FROM pg_replication_slots").fetchall():
            admin.execute("SELECT pg_drop_replication_slot(%s)", (slot,))
        databases = "SELECT datname FROM pg_database WHERE datname != 'postgres' AND NOT datistemplate"
        for (name,) in admin.execute(databases).fetchall():
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for (name,) in admin.execute("SELECT rolname FROM pg_roles WHERE oid > 16383").fetchall():
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def connection(db_url: str) -> Iterator[psycopg.Connection]:
    """Connect to the database of this test, without the package."""
    with psycopg.connect(db_url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def topic(kafka: Kafka) -> Iterator[str]:
    """Create a topic for this test, with three partitions."""
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    name = f"avtaler-{secrets.token_hex(4)}"
    # Messages in tests are older than any retention.
    admin.create_topics([NewTopic(name, 3, 1, config={"retention.ms": "-1"})])[name].result(30)
    yield name
    admin.delete_topics([name])[name].result(30)


@pytest.fixture
def produce(kafka: Kafka, topic: str) -> Callable[..., None]:
    """Return a function that puts messages on the topic and waits until the broker has them."""
    # Idempotent, so that messages that are sent again, because the topic is new, keep their order.
    producer = Producer({"bootstrap.servers": kafka.brokers, "linger.ms": 5, "enable.idempotence": True})

    def put(messages: list[Message]) -> None:
        for number, m in enumerate(messages, 1):
            milliseconds = int(m.timestamp.timestamp() * 1000)
            producer.produce(topic, m.value, m.key, partition=m.partition, timestamp=milliseconds)
            if number % 5_000 == 0:
                producer.flush()
        assert producer.flush(30) == 0

    return put


@contextmanager
def fresh_database(postgres: Postgres, template: str) -> Iterator[tuple[str, str]]:
    """Create a database, dropped after the block; yield its name and URL."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name, postgres.url(name)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
