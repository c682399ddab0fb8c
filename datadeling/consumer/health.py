"""What the consumer knows of its own state. Written by the loop, read by the health server."""

import random
import time
from dataclasses import dataclass, field

import structlog

_ALIVE = 60.0  # seconds that a turn of the loop may take
_SHORTEST_BACKOFF = 0.1  # seconds
_LONGEST_BACKOFF = 3.0  # seconds

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Service:
    """The database or the broker: whether it answers, and when to ask again if it does not.

    One log line when that changes, none for each try.
    """

    name: str
    available: bool = False
    _failures: int = 0
    _retry_at: float = 0.0

    @property
    def failing(self) -> bool:
        """True from the first question without an answer until the next answer."""
        return self._failures > 0

    def pause_left(self) -> float:
        """Seconds until it may be asked again; 0 when at once."""
        return max(0.0, self._retry_at - time.monotonic()) if self.failing else 0.0

    def answered(self) -> None:
        """It works."""
        if self.failing:
            log.info("service_available", service=self.name)
        self._failures = 0
        self.available = True

    def failed(self, cause: str) -> None:
        """It did not answer: leave it alone for a while, longer each time, at most 3 s."""
        if not self.failing:
            log.warning("service_unavailable", service=self.name, cause=cause)
        self._failures = min(self._failures + 1, 10)
        self.available = False
        longest = min(_LONGEST_BACKOFF, _SHORTEST_BACKOFF * 2**self._failures)
        pause = random.uniform(_SHORTEST_BACKOFF, longest)  # noqa: S311 (jitter is no secret)
        self._retry_at = time.monotonic() + pause


@dataclass(slots=True)
class Health:
    """Liveness means that the loop turns, not that the database is up: a restart would not bring it back."""

    database: Service = field(default_factory=lambda: Service("database"))
    broker: Service = field(default_factory=lambda: Service("broker"))
    migrating: bool = True
    stopped: dict[int, str] = field(default_factory=dict)
    lag: int = 0  # messages that have not been handled, over all partitions of ours
    _turned: float = field(default_factory=time.monotonic)

    def turned(self) -> None:
        """The loop has come round."""
        self.migrating = False
        self._turned = time.monotonic()

    def alive(self) -> bool:
        """True while the loop turns, or the schema is being migrated or waited for."""
        return self.migrating or time.monotonic() - self._turned < _ALIVE

    def faults(self) -> list[str]:
        """Why we are not ready; nothing when we are."""
        faults = ["migrating"] if self.migrating else []
        faults += [f"{s.name} unreachable" for s in (self.database, self.broker) if not s.available]
        return faults + [f"partition {p} stopped: {why}" for p, why in self.stopped.copy().items()]
