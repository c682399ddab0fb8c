"""A real PostgreSQL and a real Kafka for the tests.

Each is the first of these that is available: the one in `TEST_DB_URL` or `TEST_KAFKA_BROKERS`; a container,
when a Docker daemon answers and has the image or can pull it; the embedded one of `datadeling.demo`.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import docker
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import free_port

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.1.1"


class Postgres(NamedTuple):
    """A server on which the tests may create databases."""

    origin: str
    admin_url: str

    def url(self, database: str | None = None) -> str:
        """Return the URL of a database of this server."""
        parts = urlsplit(self.admin_url)
        return urlunsplit(parts._replace(path=f"/{database}")) if database else self.admin_url


class Kafka(NamedTuple):
    """A broker on which the tests may create topics."""

    origin: str
    brokers: str


@contextmanager
def postgres_service() -> Iterator[Postgres]:
    """Provide a PostgreSQL until the block ends."""
    if url := os.environ.get("TEST_DB_URL"):
        yield Postgres("given by TEST_DB_URL", url)
    elif _image_at_hand(POSTGRES_IMAGE):
        container = (
            DockerContainer(POSTGRES_IMAGE)
            .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
            .with_command("postgres -c wal_level=logical")
            .with_exposed_ports(5432)
            .waiting_for(
                LogMessageWaitStrategy(r"ready to accept connections[\s\S]*ready to accept connections")
            )
        )
        with container:
            port = container.get_exposed_port(5432)
            yield Postgres(f"Docker, {POSTGRES_IMAGE}", f"postgresql://postgres@127.0.0.1:{port}/postgres")
    else:
        with EmbeddedPostgres() as embedded:
            yield Postgres("embedded", embedded.url)


@contextmanager
def kafka_service() -> Iterator[Kafka]:
    """Provide a broker until the block ends."""
    if brokers := os.environ.get("TEST_KAFKA_BROKERS"):
        yield Kafka("given by TEST_KAFKA_BROKERS", brokers)
    elif _image_at_hand(KAFKA_IMAGE):
        port = free_port()
        container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
        for name, value in _kafka_settings(port).items():
            container = container.with_env(name, value)
        with container.waiting_for(LogMessageWaitStrategy("Kafka Server started")):
            yield Kafka(f"Docker, {KAFKA_IMAGE}", f"127.0.0.1:{port}")
    else:
        with EmbeddedKafka() as embedded:
            yield Kafka("embedded", embedded.bootstrap_servers)


def _kafka_settings(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


@cache
def _image_at_hand(image: str) -> bool:
    """Return True when a Docker daemon answers, and has the image or can pull it."""
    if not _daemon_listens():
        return False
    client = docker.from_env()
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except DockerException:
            return False
    except DockerException:
        return False
    finally:
        client.close()
    return True


def _daemon_listens() -> bool:
    """Try the socket directly: without a daemon, the Docker client leaves a socket open."""
    host = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    family = socket.AF_UNIX if host.scheme == "unix" else socket.AF_INET
    address: str | tuple[str, int] = (
        host.path if host.scheme == "unix" else (host.hostname or "", host.port or 2375)
    )
    with socket.socket(family) as probe:
        probe.settimeout(2)
        return probe.connect_ex(address) == 0
