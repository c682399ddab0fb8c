"""PostgreSQL, Kafka and `datadeling` commands beside them, and calls to the API."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import Child, ServiceFailed, free_port, temporary_directory

CLIENT_ID = "00000000-0000-4000-8000-00000000d474"


class Services(NamedTuple):
    """Both services, and a directory for logs."""

    postgres: EmbeddedPostgres
    kafka: EmbeddedKafka
    directory: Path

    def settings(self, topic: str, issuer: TokenIssuer, port: int) -> dict[str, str]:
        """Return the environment of a consumer of the topic and of an API on the port."""
        return {
            "KAFKA_BROKERS": self.kafka.bootstrap_servers,
            "KAFKA_TOPIC": topic,
            "KAFKA_GROUP_ID": "datadeling",
            "DB_URL": self.postgres.url,
            "CONSUMER_PORT": str(free_port()),
            "PORT": str(port),
            "AZURE_APP_CLIENT_ID": CLIENT_ID,
            "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
            "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
        }


@contextmanager
def running_services() -> Iterator[Services]:
    """Run both services while the block runs; nothing is left behind however it or this process ends."""
    with temporary_directory() as directory, EmbeddedPostgres() as postgres, EmbeddedKafka() as kafka:
        yield Services(postgres, kafka, directory)


def command(name: str, settings: Mapping[str, str], directory: Path) -> Child:
    """Start `datadeling NAME`; it gets SIGTERM at the end of the block, and 10 s to stop."""
    return Child(
        [sys.executable, "-m", "datadeling", name],
        log=directory / f"{name}.log",
        cwd=directory,
        settings={"TMPDIR": str(directory), "LOG_FORMAT": "text", **settings},
    )


def is_ready(address: str) -> bool:
    """Return True when the process at this address is ready."""
    try:
        with urlopen(f"{address}/internal/health/readiness", timeout=2):  # noqa: S310 (http)
            return True
    except OSError:
        return False


def post(url: str, body: Mapping[str, str], token: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return the API's answer to a body. Raise `ServiceFailed` when it is an error."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Behandlingsnummer": "B123",
    }
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 (http)
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 (http)
            return json.load(answer)
    except OSError as error:
        raise ServiceFailed(f"the API did not answer: {error}") from None
