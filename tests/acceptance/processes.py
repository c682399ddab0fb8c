"""Run commands as processes, as a user does, and observe them from outside."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError, URLError

import psycopg

from tests.waiting import wait_until


class Answer(NamedTuple):
    """The response to an HTTP request; status 0 when there was none."""

    status: int
    body: str
    headers: Mapping[str, str]


def call(url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send GET, or POST when there is a body. An incomplete response counts as none."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(response.status, response.read().decode(), dict(response.headers))
    except HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(), dict(error.headers))
    except (URLError, ConnectionError, HTTPException):
        return Answer(0, "", {})


def number(connection: psycopg.Connection, query: str) -> int:
    """Return the only value of a query; 0 for null."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0] or 0)


def handled(connection: psycopg.Connection) -> int:
    """Return the number of messages handled, on a topic without holes."""
    return number(connection, "SELECT sum(next_offset) FROM consumer_offset")


def wait_until_handled(connection: psycopg.Connection, messages: int) -> None:
    """Block until so many messages have been handled, on a topic without holes."""
    wait_until(lambda: handled(connection) == messages, f"{messages} messages are handled")


class Process:
    """A running `datadeling` command. Use as a context manager: nothing is left running."""

    def __init__(self, log: Path, env: Mapping[str, str], *arguments: str) -> None:
        self._log = log
        self._file = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "datadeling", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env},
            stdout=self._file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self._file.close()

    @property
    def output(self) -> str:
        """Everything that it has printed, to both streams."""
        return self._log.read_text("utf-8", "replace")

    def terminate(self, timeout: float = 10) -> int:
        """Send SIGTERM and return the exit code. Fails when it takes longer."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self) -> None:
        """Send SIGKILL and wait."""
        self.process.kill()
        self.process.wait()

    def answers(self, url: str, status: int = 200) -> None:
        """Block until an address answers with this status; fail when the process ends."""

        def answered() -> bool:
            assert self.process.poll() is None, self.output
            return call(url).status == status

        wait_until(answered, f"{url} answers {status}")
