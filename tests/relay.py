"""A TCP relay to a server that can cut connections, or pass nothing on, as a network may."""

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from datadeling.demo.process import free_port

_CHUNK = 65_536  # bytes


class Relay:
    """Forwards bytes to a server, from a port of its own that does not listen until `start`.

    A client that connects while the server is down is accepted and disconnected at once. Use as a context
    manager: `stop` at the end. The methods are for one thread, and none waits for a client or the server.
    `visitors` counts connections, `bytes_back` the bytes from the server. Each request is delayed by `delay`
    seconds: everything that a client sends after an answer, in however many pieces.
    """

    def __init__(self, host: str, port: int, *, delay: float = 0.0) -> None:
        self.target = (host, port)
        self._delay = delay
        self.port = free_port()
        self.visitors = 0
        self.bytes_back = 0
        self._open = True
        self._flowing = Event()
        self._listener: socket.socket | None = None
        self._accepting: Thread | None = None
        self._links: set[_Link] = set()
        self._lock = Lock()

    @classmethod
    def to(cls, url: str, *, delay: float = 0.0) -> Self:
        """Create a relay to the server of a URL."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 5_432, delay=delay)

    def way_to(self, url: str) -> str:
        """Return a URL that goes through the relay."""
        parts = urlsplit(url)
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, and forward."""
        self._flowing.set()
        self._listener = listener = socket.create_server(("127.0.0.1", self.port))
        self._accepting = _spawn(lambda: self._accept(listener))

    def fall_silent(self) -> None:
        """Keep connections, accept more, and forward nothing: neither bytes nor the end of a connection."""
        self._flowing.clear()

    def flow(self) -> None:
        """Forward again, beginning with the bytes that came in meanwhile."""
        self._flowing.set()

    def turn_away(self) -> None:
        """Close every connection, and disconnect new clients, until `let_in`."""
        self._open = False
        self.cut()

    def let_in(self) -> None:
        """Serve new clients again."""
        self._open = True

    def cut(self) -> None:
        """Close every connection, and go on accepting new ones; ends `fall_silent`."""
        self._flowing.set()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.cut()
        for link in links:
            link.join()

    def stop(self) -> None:
        """Close every connection and refuse new ones."""
        if self._listener is not None and self._accepting is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._accepting.join()
            self._listener = self._accepting = None
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # raised when the listener is closed
            while True:
                self._let_in(listener.accept()[0])

    def _let_in(self, client: socket.socket) -> None:
        self.visitors += 1
        try:
            if not self._open:
                raise ConnectionRefusedError
            server = socket.create_connection(self.target, timeout=1)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(client, server, self._flowing, self._delay, self._answered, self._forget)
        with self._lock:
            self._links.add(link)
            link.start()

    def _answered(self, size: int) -> None:
        with self._lock:
            self.bytes_back += size

    def _forget(self, link: "_Link") -> None:
        with self._lock:
            self._links.discard(link)


class _Link:
    """One connection through a relay, both ways; its sockets are closed when both ways have ended."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        flowing: Event,
        delay: float,
        at_answer: Callable[[int], None],
        at_end: Callable[["_Link"], None],
    ) -> None:
        self._client, self._server = client, server
        self._flowing = flowing
        self._delay = delay
        self._answered = Event()
        self._never = Event()
        self._at_answer = at_answer
        self._at_end = at_end
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def cut(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        back = _spawn(lambda: self._pump(self._server, self._client, self._answer))
        self._pump(self._client, self._server, self._keep_back)
        back.join()
        self._client.close()
        self._server.close()
        self._at_end(self)

    def _answer(self, size: int) -> None:
        self._answered.set()
        self._at_answer(size)

    def _keep_back(self, _: int) -> None:
        if self._delay and self._answered.is_set():
            self._answered.clear()
            self._never.wait(self._delay)

    def _pump(self, source: socket.socket, target: socket.socket, before: Callable[[int], None]) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                before(len(data))
                self._flowing.wait()
                target.sendall(data)
        self._flowing.wait()
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def _spawn(function: Callable[[], None]) -> Thread:
    thread = Thread(target=function, daemon=True)
    thread.start()
    return thread
