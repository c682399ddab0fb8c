"""Connections that wait: for their clients to send something, and then for a thread."""

import selectors
import socket
import time
from collections import deque
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
        self._silent[conn] = time.monotonic() + seconds
        self._selector.register(conn.sock, selectors.EVENT_READ, conn)

    def take(self) -> Any:  # noqa: ANN401
        """Block until a client has sent something, or has gone; its connection is the caller's alone.

        Who came first is taken first, and says since when it waits for a thread: `waits_since`.
        """
        with self._asking:
            while not self._arrived:
                self._ask(None)
            return self._arrived.popleft()

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

    def _ask(self, timeout: float | None) -> None:
        found = self._selector.select(timeout)
        now = time.monotonic()
        for key, _ in found:
            self._selector.unregister(key.fileobj)
            del self._silent[key.data]
            key.data.waits_since = now
            self._arrived.append(key.data)
