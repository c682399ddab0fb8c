"""How fast a replay may read."""

import time
from collections.abc import Callable
from threading import Event, Lock

_LOOK = 0.2  # seconds
_ANY = 1_000_000
_TOLERATED = 2_000  # messages


def no_lag() -> int:
    """For who has no live consumer to look after."""
    return 0


class Rate:
    """At most `limit` messages a second over all threads that ask; None for no bound.

    Also lets the live consumer go first: waits while `lag` says that more messages than a batch or two wait
    for it.
    """

    def __init__(self, limit: int | None, stop: Event, lag: Callable[[], int] = no_lag) -> None:
        self._limit = limit
        self._stop = stop
        self._lag = lag
        self._lock = Lock()
        self._due = 0.0

    @property
    def at_once(self) -> int:
        """How many messages to take at once, at most: a fifth of a second's."""
        return _ANY if self._limit is None else max(1, self._limit // 5)

    def wait(self, messages: int) -> None:
        """Block until so many more may be read, or until `stop`."""
        while self._lag() > _TOLERATED and not self._stop.wait(_LOOK):
            pass
        if self._limit is None:
            return
        with self._lock:
            now = time.monotonic()
            begins = max(now, self._due)
            self._due = begins + messages / self._limit
        self._stop.wait(begins - now)
