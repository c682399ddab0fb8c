"""Run `datadeling` commands beside the embedded services, wait until they are ready, and call the API."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from datadeling.demo.process import Child, ServiceFailed, clean_environment

_DEADLINE_S = 60.0
_POLL_S = 0.1
_OURS = ("KAFKA_", "DB_", "AZURE_", "BATCH_", "CONSUMER_", "PORT", "OBO_", "LOG_", "PROMETHEUS_", "GUNICORN_")


@contextmanager
def command(name: str, settings: Mapping[str, str], directory: Path) -> Iterator[Child]:
    """Run `datadeling NAME` while the block runs; it gets SIGTERM at the end, and 10 s to stop."""
    child = Child(
        [sys.executable, "-m", "datadeling", name],
        log=directory / f"{name}.log",
        cwd=directory,
        env=clean_environment(*_OURS) | {"LOG_FORMAT": "text", **settings},
    )
    try:
        yield child
    finally:
        child.stop((SIGTERM, 10.0))


def await_true(
    condition: Callable[[], bool], *children: Child, deadline_s: float = _DEADLINE_S, poll_s: float = _POLL_S
) -> None:
    """Block until the condition holds.

    Raises `ServiceFailed`, with the end of its log, when a process ends meanwhile, or when the condition did
    not hold for `deadline_s`.
    """
    deadline = time.monotonic() + deadline_s
    while not condition():
        for child in children:
            if child.poll() is not None:
                raise ServiceFailed(f"{child.log.stem} ended:\n{child.log_tail()}")
        if time.monotonic() > deadline:
            raise ServiceFailed(
                "\n".join(f"{c.log.stem} does not come up:\n{c.log_tail()}" for c in children)
            )
        time.sleep(poll_s)


def is_ready(address: str) -> bool:
    """Return True when the process at this address is ready."""
    try:
        with urlopen(f"{address}/internal/health/readiness", timeout=2) as answer:  # noqa: S310 (http)
            return bool(answer.status == 200)  # noqa: PLR2004
    except (URLError, OSError):
        return False


def post(url: str, body: Mapping[str, str], token: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return the API's answer to a body. Raise `ServiceFailed`, with the answer, when it is an error."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Behandlingsnummer": "B123",
    }
    request = Request(url, json.dumps(body).encode(), headers)  # noqa: S310 (http)
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 (http)
            return json.load(answer)
    except HTTPError as error:
        with error:
            raise ServiceFailed(f"the API answered {error.code}: {error.read().decode()}") from None
    except (URLError, OSError) as error:
        raise ServiceFailed(f"the API does not answer: {type(error).__name__}") from None
