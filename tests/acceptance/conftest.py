"""The two processes as processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.ports import free_port
from datadeling.ingest.melding import Melding
from tests.acceptance.processes import Process, wait_until
from tests.relay import Relay
from tests.services import Kafka

CLIENT_ID = "00000000-0000-4000-8000-00000000d474"

Run = Callable[..., Process]
Stored = Callable[[list[Melding]], None]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a command; whatever a test starts is ended with it."""
    with ExitStack() as stack:
        count = iter(range(100))

        def start(env: dict[str, str], *arguments: str) -> Process:
            return stack.enter_context(
                Process(tmp_path / f"{next(count)}-{arguments[0]}.log", env, *arguments)
            )

        yield start


class Setting(NamedTuple):
    """The environment that a command gets, and where it answers."""

    env: dict[str, str]
    url: str


@pytest.fixture
def consumer(db_url: str, kafka: Kafka, topic: str) -> Setting:
    """How to start `consume` on the topic and database of this test."""
    port = free_port()
    env = {
        "KAFKA_BROKERS": kafka.brokers,
        "KAFKA_TOPIC": topic,
        "KAFKA_GROUP_ID": f"group-{topic}",
        "DB_URL": db_url,
        "CONSUMER_PORT": str(port),
    }
    return Setting(env, f"http://127.0.0.1:{port}")


class Operator:
    """Runs commands in the environment of the consumer."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env}

    def run(self, *arguments: str, code: int = 0) -> str:
        """What it prints on standard output, when it ends with this code; else on both."""
        done = subprocess.run(
            [sys.executable, "-m", "datadeling", *arguments],
            env=self._env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))


@contextmanager
def by_way_of(setting: Setting, *, delay: float = 0.0) -> Iterator[tuple[Relay, dict[str, str]]]:
    """A relay to the database, and the environment of a command that goes through it."""
    url = setting.env["DB_URL"]
    with Relay.to(url, delay=delay) as relay:
        relay.start()
        yield relay, {**setting.env, "DB_URL": relay.way_to(url)}


@pytest.fixture
def operator(consumer: Setting) -> Operator:
    return Operator(consumer.env)


@pytest.fixture
def stored(
    run: Run, consumer: Setting, produce: Callable[[list[Melding]], None], connection: psycopg.Connection
) -> Stored:
    """Send messages to a running consumer, and wait until it has handled them."""
    run(consumer.env, "consume")
    total = 0

    def handled() -> int:
        row = connection.execute("SELECT sum(next_offset)::int FROM consumer_offset").fetchone()
        return (row and row[0]) or 0

    def send(messages: list[Melding]) -> None:
        nonlocal total
        produce(messages)
        total += len(messages)
        wait_until(lambda: handled() == total, "everything is handled")

    return send


@pytest.fixture(scope="session")
def issuer() -> Iterator[TokenIssuer]:
    """Stands in for Entra ID."""
    with TokenIssuer() as issuer:
        yield issuer


@pytest.fixture
def api(db_url: str, issuer: TokenIssuer, consumer: Setting) -> Setting:
    """How to start `serve` on the database of this test."""
    port = free_port()
    env = {
        "DB_URL": db_url,
        "AZURE_APP_CLIENT_ID": CLIENT_ID,
        "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
        "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
        "PORT": str(port),
        "CONSUMER_PORT": consumer.env["CONSUMER_PORT"],
    }
    return Setting(env, f"http://127.0.0.1:{port}")
