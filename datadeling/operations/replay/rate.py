"""Limits how fast a replay reads."""

import time
from collections.abc import Callable
from threading import Event

_CHECK_EVERY = 0.2  # seconds
_UNLIMITED = 1_000_000
_TOLERATED_LAG = 2_000  # messages: a batch or two of the live consumer's


def no_lag() -> int:
    """Return 0, where there is no live consumer to give way to."""
    return 0


class Rate:
    """At most `limit` messages a second; None is no limit.

    Also gives way to the live consumer: waits while more than 2,000 messages (`lag`) are waiting for it.
    """

    def __init__(self, limit: int | None, stop: Event, lag: Callable[[], int] = no_lag) -> None:
        self.limit = limit
        self._stop = stop
        self._lag = lag
        self._due = 0.0

    @property
    def at_once(self) -> int:
        """Largest number of messages to fetch at once: a fifth of a second's."""
        return _UNLIMITED if self.limit is None else max(1, self.limit // 5)

    def wait(self, messages: int) -> None:
        """Block until the messages before these have had their time, or until `stop`."""
        while self._lag() > _TOLERATED_LAG and not self._stop.wait(_CHECK_EVERY):
            pass
        if self.limit is None:
            return
        now = time.monotonic()
        begins = max(now, self._due)
        self._due = begins + messages / self.limit
        self._stop.wait(begins - now)
