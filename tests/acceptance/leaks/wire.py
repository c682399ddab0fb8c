"""HTTP as it goes over the wire: any method, address, header or body, well-formed or not."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPResponse
from typing import NamedTuple

_TIMEOUT = 30.0  # seconds


class Question(NamedTuple):
    """A request. `what` says for people what is the matter with it."""

    what: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Reply(NamedTuple):
    """What came back; `headers` are all of them, as text."""

    status: int
    headers: str
    body: str


class Wire:
    """Where a server listens. Each request has a connection of its own."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)

    def ask(self, question: Question) -> Reply:
        """Send it as it is, and read the whole answer."""
        body = question.body or b""
        headers = {"Host": "localhost", "Content-Length": str(len(body)), **question.headers}
        lines = [f"{question.method} {question.path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
        raw = "".join(f"{line}\r\n" for line in [*lines, "Connection: close", ""]).encode() + body
        with socket.create_connection(self._address, timeout=_TIMEOUT) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough to answer
                connection.sendall(raw)
            with HTTPResponse(connection, method=question.method) as response:
                response.begin()
                return Reply(response.status, str(response.headers), response.read().decode())

    def send(self, raw: bytes) -> str:
        """Send these bytes and nothing more; all that comes back."""
        with socket.create_connection(self._address, timeout=_TIMEOUT) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while part := connection.recv(65_536):
                received += part
        return received.decode()
