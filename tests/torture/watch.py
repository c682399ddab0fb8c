"""The consumers' progress: messages handled, pauses, and the time to go on after a fault."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import psycopg

from tests.torture.cluster import Cluster

_EVERY = 0.05  # seconds


@dataclass
class _Resuming:
    """Work has been broken off: on which partitions it has not gone on yet, and from where it will."""

    fault: str
    since: float
    left: dict[int, int] = field(default_factory=dict)
    begun: bool = False


class Watch:
    """Looks at the positions of the partitions all the time, directly; a thread of its own.

    Only where there is something to do is standing still a stall: `delivered` says how many messages of each
    partition the broker has.
    """

    def __init__(self, cluster: Cluster, delivered: Mapping[int, int], partitions: int) -> None:
        self._cluster = cluster
        self._delivered = delivered
        self._positions = dict.fromkeys(range(partitions), 0)
        self._idle = dict.fromkeys(range(partitions), time.monotonic())  # until when there was nothing to do
        self._moved = time.monotonic()
        self._resuming: _Resuming | None = None
        self._lock = Lock()
        self._over = Event()
        self._thread = Thread(target=self._look_on, daemon=True)
        self.longest = 0.0
        self.slowest: defaultdict[str, float] = defaultdict(float)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def handled(self) -> int:
        """The number of messages that have been handled, over all partitions."""
        return sum(self._positions.values())

    @property
    def resumed(self) -> bool:
        """True when work has gone on, on every partition, since the last `broken_off`."""
        return self._resuming is None

    def broken_off(self, fault: str) -> None:
        """Take the time from now until every partition moves."""
        with self._lock:
            self._close()
            self._resuming = _Resuming(fault, time.monotonic())

    def close(self) -> None:
        """The next fault strikes: what has not gone on yet has taken at least so long."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._resuming:
            self._note(self._resuming, time.monotonic() - self._resuming.since)
            self._resuming = None

    def _note(self, resuming: _Resuming, seconds: float) -> None:
        self.slowest[resuming.fault] = max(self.slowest[resuming.fault], seconds)

    def _look_on(self) -> None:
        while not self._over.is_set():
            try:
                with self._cluster.connect() as connection:
                    while not self._over.wait(_EVERY):
                        self._look(connection)
            except psycopg.OperationalError:
                self._over.wait(_EVERY)

    def _look(self, connection: psycopg.Connection) -> None:
        asked = time.monotonic()
        delivered = {p: self._delivered[p] for p in self._positions}
        rows = connection.execute("SELECT kafka_partition, next_offset FROM consumer_offset")
        positions = {**self._positions, **dict(rows.fetchall())}
        now = time.monotonic()
        with self._lock:
            if self._resuming:
                self._follow(self._resuming, positions, asked, now)
            if positions != self._positions:
                self.longest = max(self.longest, now - max(self._moved, min(self._idle.values())))
                self._moved = now
            self._positions = positions
            self._idle |= {p: now for p, at in positions.items() if at >= delivered[p]}

    def _follow(self, resuming: _Resuming, positions: dict[int, int], asked: float, now: float) -> None:
        if not resuming.begun:
            if asked > resuming.since:
                resuming.left, resuming.begun = dict(positions), True
            return
        for partition, start in list(resuming.left.items()):
            if positions[partition] > start:
                del resuming.left[partition]
                self._note(resuming, now - max(resuming.since, self._idle[partition]))
        if not resuming.left:
            self._resuming = None
