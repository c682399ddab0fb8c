"""Limits how often each consumer may call."""

import math

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from datadeling.api.problems import Problem


class RateLimit:
    """Calls per second for each consumer; 0 is no limit.

    Each worker counts its own calls, and allows its share of the limit, rounded up.
    """

    def __init__(self, calls_per_second: int, workers: int) -> None:
        self._share = RateLimitItemPerSecond(math.ceil(calls_per_second / workers))
        self._limiter = MovingWindowRateLimiter(MemoryStorage()) if calls_per_second else None

    def check(self, consumer: str) -> None:
        """Raise `Problem` 429 when the consumer has used its part of this second."""
        if self._limiter is not None and not self._limiter.hit(self._share, consumer):
            raise Problem(429, headers=[("Retry-After", "1")])  # the window is one second
