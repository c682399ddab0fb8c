"""A load of HTTP requests over kept connections, by one thread, so that it takes little of the cores."""

import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from datadeling.demo.errors import ServiceFailed

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_READ = 1 << 16
_SILENCE = 10.0  # seconds


class Figures(NamedTuple):
    """What came of a load: answers a second, and how long they took, in milliseconds."""

    per_second: float
    median: float
    p99: float
    worst: float


class _Connection:
    """One client, that asks again as soon as it has been answered."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""
        self.asked = 0.0

    def ask(self, request: bytes) -> None:
        self.answer = b""
        self.asked = time.perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Read what there is. Raise `ServiceFailed` for an answer that is not 200."""
        self.answer += self.socket.recv(_READ)
        head, found, body = self.answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise ServiceFailed(f"the API answered: {head.splitlines()[0].decode()}")
        return len(body) >= int(length[1])


def request(path: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """The bytes of a request; a POST when it has a body."""
    lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join((*lines, "", "")).encode() + (body or b"")


def load(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Figures:
    """Ask over so many connections for so long. Raise `ServiceFailed` when one is not answered with 200."""
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        clients = [_Connection(port) for _ in range(connections)]
        begun = time.perf_counter()
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.ask(next(requests))
        while (now := time.perf_counter()) < begun + seconds:
            ready = selector.select(_SILENCE)
            if not ready:
                raise ServiceFailed("the API does not answer")
            for key, _ in ready:
                client = key.data
                if client.is_answered():
                    took.append(time.perf_counter() - client.asked)
                    client.ask(next(requests))
        for client in clients:
            client.socket.close()
    took.sort()
    return Figures(
        len(took) / (now - begun),
        *(1_000 * took[min(len(took) - 1, int(len(took) * share))] for share in (0.5, 0.99, 1.0)),
    )
