"""How fast a replay may read."""

import time
from collections.abc import Callable
from threading import Event, Lock

_LOOK = 0.2  # seconds
_ANY = 1_000_000


def never_behind() -> float:
    """For who has no live consumer to look after."""
    return 0.0


class Rate:
    """At most `limit` messages a second over all threads that ask; None for no bound.

    Also lets the live consumer go first: waits while `behind` says that it is more than a second late.
    """

    def __init__(self, limit: int | None, stop: Event, behind: Callable[[], float] = never_behind) -> None:
        self._limit = limit
        self._stop = stop
        self._behind = behind
        self._lock = Lock()
        self._due = 0.0

    @property
    def at_once(self) -> int:
        """How many messages to take at once, at most: a fifth of a second's."""
        return _ANY if self._limit is None else max(1, self._limit // 5)

    def wait(self, messages: int) -> None:
        """Block until so many more may be read, or until `stop`."""
        while self._behind() > 1.0 and not self._stop.wait(_LOOK):
            pass
        if self._limit is None:
            return
        with self._lock:
            now = time.monotonic()
            begins = max(now, self._due)
            self._due = begins + messages / self._limit
        self._stop.wait(begins - now)
