"""Fixtures for commands that run as processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import free_port
from datadeling.pipeline.message import Message
from tests.acceptance.operating import Operator, Produce, Stored
from tests.acceptance.processes import Process, wait_until_handled
from tests.relay import Relay
from tests.services import Kafka

CLIENT_ID = "00000000-0000-4000-8000-00000000d474"

Run = Callable[..., Process]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Return a function that starts commands; they end with the test."""
    with ExitStack() as stack:
        count = iter(range(100))

        def start(env: dict[str, str], *arguments: str) -> Process:
            return stack.enter_context(
                Process(tmp_path / f"{next(count)}-{arguments[0]}.log", env, *arguments)
            )

        yield start


class Setting(NamedTuple):
    """The environment of a command, and its address."""

    env: dict[str, str]
    url: str


@pytest.fixture
def consumer(db_url: str, kafka: Kafka, topic: str) -> Setting:
    """Return the environment and address of `consume` on the topic and database of this test."""
    port = free_port()
    env = {
        "KAFKA_BROKERS": kafka.brokers,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"group-{topic}",
        "DB_URL": db_url,
        "CONSUMER_PORT": str(port),
        "KEEP_HISTORY_DAYS": "36500",  # the messages of tests grow older than any retention
    }
    return Setting(env, f"http://127.0.0.1:{port}")


@pytest.fixture
def operator(consumer: Setting) -> Operator:
    """Return the operator, whose commands run in the environment of the consumer."""
    return Operator(consumer.env)


@pytest.fixture
def stored(run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection) -> Stored:
    """Start a consumer; return a function that sends messages and waits until it has handled them."""
    run(consumer.env, "consume")
    total = 0

    def send(messages: list[Message]) -> None:
        nonlocal total
        produce(messages)
        total += len(messages)
        wait_until_handled(connection, total)

    return send


@contextmanager
def by_way_of(setting: Setting, *, delay: float = 0.0) -> Iterator[tuple[Relay, dict[str, str]]]:
    """Start a relay to the database; yield it and the environment of a command that connects through it."""
    url = setting.env["DB_URL"]
    with Relay.to(url, delay=delay) as relay:
        relay.start()
        yield relay, {**setting.env, "DB_URL": relay.way_to(url)}


@pytest.fixture(scope="session")
def issuer() -> Iterator[TokenIssuer]:
    """Start a token issuer instead of Entra ID."""
    with TokenIssuer() as issuer:
        yield issuer


@pytest.fixture
def token(issuer: TokenIssuer) -> str:
    """Return the token of a consumer."""
    return issuer.token(CLIENT_ID)


@pytest.fixture
def serve_env(issuer: TokenIssuer) -> dict[str, str]:
    """Return the environment of `serve`, without database and ports."""
    return {
        "AZURE_APP_CLIENT_ID": CLIENT_ID,
        "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
        "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
    }


@pytest.fixture
def api(db_url: str, serve_env: dict[str, str], consumer: Setting) -> Setting:
    """Return the environment and address of `serve` on the database of this test."""
    port = free_port()
    ports = {"PORT": str(port), "CONSUMER_PORT": consumer.env["CONSUMER_PORT"]}
    return Setting({**serve_env, **ports, "DB_URL": db_url}, f"http://127.0.0.1:{port}")


ServeOn = Callable[[str], tuple[Setting, Process]]


@pytest.fixture
def serve_on(run: Run, serve_env: dict[str, str]) -> ServeOn:
    """Return a function that starts the API on the database of a URL."""

    def start(url: str) -> tuple[Setting, Process]:
        port = free_port()
        ports = {"PORT": str(port), "CONSUMER_PORT": str(free_port())}
        api = Setting({**serve_env, **ports, "DB_URL": url}, f"http://127.0.0.1:{port}")
        process = run(api.env, "serve")
        process.answers(f"{api.url}/internal/health/readiness")
        return api, process

    return start
