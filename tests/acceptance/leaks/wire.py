"""HTTP over a socket: any method, address, header or body, well-formed or not."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPResponse
from typing import NamedTuple

_TIMEOUT = 30.0  # seconds


class Request(NamedTuple):
    """A request. `what` describes it in a failure."""

    what: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None


class Reply(NamedTuple):
    """The response; `headers` are all of them, as text."""

    status: int
    headers: str
    body: str


class Wire:
    """Sends requests to a port of this machine, each over a connection of its own."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)

    def send(self, request: Request) -> Reply:
        """Send a request as it is, and read the whole response."""
        body = request.body or b""
        headers = {"Host": "localhost", "Content-Length": str(len(body)), **request.headers}
        lines = [f"{request.method} {request.path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
        raw = "".join(f"{line}\r\n" for line in [*lines, "Connection: close", ""]).encode() + body
        with socket.create_connection(self._address, timeout=_TIMEOUT) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
                connection.sendall(raw)
            with HTTPResponse(connection, method=request.method) as response:
                response.begin()
                return Reply(response.status, str(response.headers), response.read().decode())

    def send_raw(self, raw: bytes) -> str:
        """Send bytes, close our side, and return everything that comes back."""
        with socket.create_connection(self._address, timeout=_TIMEOUT) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while part := connection.recv(65_536):
                received += part
        return received.decode()
