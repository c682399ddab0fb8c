"""Connections that wait: for their clients to send something, and then for a thread."""

import math
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any


class Waiting:
    """Threads take from here themselves what has come. Any thread may call any method.

    One at a time asks the kernel, and the others queue up behind it. Were it done by a thread that hands out,
    every request would take two changes of threads more: adr/0024.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._asking = Lock()
        self._arrived: deque[Any] = deque()
        self._silent: dict[Any, float] = {}

    def add(self, conn: Any, seconds: float) -> None:  # noqa: ANN401 (gunicorn has no types)
        """Wait until this client sends something, but no longer than this, as far as `expire` is called."""
        conn.waits_since = None
        self._wait(conn, time.monotonic() + seconds)

    def take(self, most: int) -> list[Any]:
        """Block until a client has sent something, or has gone; then all that have, but no more than `most`.

        Their connections are the caller's alone. Who came first is first, and says since when it waits for a
        thread: `waits_since`.
        """
        with self._asking:
            while not self._arrived:
                self._ask(None)
            return [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]

    def give_back(self, conns: Sequence[Any]) -> None:
        """Of those that were taken just now, these have not been touched: somebody else is to take them."""
        for conn in conns:  # by way of the kernel, which wakes a thread that asks it already
            self._wait(conn, math.inf)

    def look(self) -> None:
        """Note who has come. For when all threads are busy, and none asks."""
        if self._asking.acquire(blocking=False):
            try:
                self._ask(0)
            finally:
                self._asking.release()

    def expire(self) -> None:
        """End the connections of clients that have been silent for too long: they are taken like others then.

        What such a client has sent meanwhile is still read, and answered.
        """
        now = time.monotonic()
        for conn, until in list(self._silent.items()):
            if until < now:
                with suppress(OSError):  # the client has gone
                    conn.sock.shutdown(socket.SHUT_RD)

    def _wait(self, conn: Any, until: float) -> None:  # noqa: ANN401
        self._silent[conn] = until
        self._selector.register(conn.sock, selectors.EVENT_READ, conn)

    def _ask(self, timeout: float | None) -> None:
        found = self._selector.select(timeout)
        now = time.monotonic()
        for key, _ in found:
            self._selector.unregister(key.fileobj)
            del self._silent[key.data]
            if key.data.waits_since is None:
                key.data.waits_since = now
            self._arrived.append(key.data)
