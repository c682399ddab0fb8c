"""The consumers' progress: messages handled, stalls, and the time to resume after a fault."""

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
    """The time since a fault. `left`: the partitions that have not moved since, and their offsets."""

    fault: str
    since: float
    left: dict[int, int] = field(default_factory=dict)
    begun: bool = False


class Watch:
    """Polls the positions of the partitions in the database, on a thread of its own.

    `delivered` is the number of messages of each partition that the broker has. A partition without more of
    them is idle and not stalled.
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
        self._thread = Thread(target=self._poll, daemon=True)
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
        """Number of messages handled, over all partitions."""
        return sum(self._positions.values())

    @property
    def resumed(self) -> bool:
        """True when every partition has moved since the last `interrupted`."""
        return self._resuming is None

    def interrupted(self, fault: str) -> None:
        """Measure the time from now until every partition has moved."""
        with self._lock:
            self._close()
            self._resuming = _Resuming(fault, time.monotonic())

    def close(self) -> None:
        """End the measurement before the next fault: partitions that have not moved took at least so long."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._resuming:
            self._note(self._resuming, time.monotonic() - self._resuming.since)
            self._resuming = None

    def _note(self, resuming: _Resuming, seconds: float) -> None:
        self.slowest[resuming.fault] = max(self.slowest[resuming.fault], seconds)

    def _poll(self) -> None:
        while not self._over.is_set():
            try:
                with self._cluster.connect() as connection:
                    while not self._over.wait(_EVERY):
                        self._read_positions(connection)
            except psycopg.OperationalError:
                self._over.wait(_EVERY)

    def _read_positions(self, connection: psycopg.Connection) -> None:
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
