"""Where the partitions stand that the group has given us, and from where each is read.

A partition of ours is in one of three states. *Running*: it has a position, and what is fetched of it goes
into the batch. *Waiting*, as the source says: new, lost to another consumer, or at an offset that the broker
does not know; `begin` reads the position again and makes it run. *Stopped*: waiting, and left alone until its
position in the database has been changed, or this process is started again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog

from datadeling.consumer.health import Health
from datadeling.consumer.source import Source
from datadeling.consumer.topic import Topic
from datadeling.domain.hendelse import Position
from datadeling.metrics import ConsumerMetrics
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.store import Store

BEYOND_THE_END = "the stored offset is beyond the end of the topic"
ANOTHER_TOPIC = "the topic has been made anew: the stored offset does not belong to it"
TOO_MANY_UNREADABLE = "too many unreadable messages in a row"

log = structlog.get_logger(__name__)


class Partitions:
    """The positions of running partitions, and why others stand still. For one thread."""

    def __init__(
        self,
        source: Source,
        topic: Topic,
        store: Store,
        retry: Retry,
        health: Health,
        metrics: ConsumerMetrics,
    ) -> None:
        self._source = source
        self._topic = topic
        self._store = store
        self._retry = retry
        self._health = health
        self._metrics = metrics
        self._positions: dict[int, Position] = {}
        self._stopped: dict[int, Position] = {}
        self._retried: set[int] = set()
        self._topic_id: str | None = None

    @property
    def positions(self) -> Mapping[int, Position]:
        """Where the running partitions stand."""
        return self._positions

    def waiting(self) -> list[int]:
        """The partitions that `begin` can make run."""
        return sorted(self._source.waiting - self._stopped.keys())

    def look(self) -> None:
        """After a fetch: forget what is not ours any more, or waits."""
        for partition in self._source.take_revoked():
            self._let_go(partition)
            self._metrics.lag.remove(partition)
        for partition in self._source.waiting:
            self._positions.pop(partition, None)

    def moved(self, positions: Mapping[int, Position]) -> None:
        """A batch has been written: this is where its partitions stand now."""
        self._positions.update(positions)

    def ask_topic(self) -> None:
        """See that the topic is still the one that we read. Raise `BrokerUnavailable`."""
        topic_id = self._topic.identity()
        if self._topic_id not in {None, topic_id}:
            self._source.hold(self._source.owned)
        self._topic_id = topic_id
        self._source.trouble_is_over()

    def begin(self) -> None:
        """Make waiting partitions run, from where the database says.

        Raise `BrokerUnavailable`, `DatabaseUnavailable` or `LostPartition`; what runs by then goes on.
        """
        self.ask_topic()
        for partition in self.waiting():
            position = self._position(partition)
            if position is None:
                continue
            if partition not in self._retried:
                # A release that can read what was parked before mends it.
                outcomes = self._retry.partition(partition)
                self._retried.add(partition)
                if outcomes:
                    log.info("failed_retried", partition=partition, outcomes=dict(outcomes))
            self._positions[partition] = position
            self._source.start(partition, position.next_offset)
            log.info("partition_started", partition=partition, offset=position.next_offset)

    def stop(self, partition: int, position: Position, why: str) -> None:
        """Let a partition stand still until somebody looks at it; the others go on, and readiness says so."""
        self._source.hold({partition})
        self._positions.pop(partition, None)
        self._stopped[partition] = position
        self._health.stopped[partition] = why
        self._metrics.stopped.set(len(self._stopped))
        log.error("partition_stopped", partition=partition, offset=position.next_offset, why=why)

    def check_offsets(self) -> None:
        """Begin those again whose position somebody else has changed. Raise `DatabaseUnavailable`."""
        stored = self._store.positions()
        ours = {**self._positions, **self._stopped}
        moved = [partition for partition, position in ours.items() if stored.get(partition) != position]
        self._source.hold(moved)
        for partition in moved:
            self._let_go(partition)

    def refresh_lag(self) -> None:
        """Bring the gauge up to date; asks nobody."""
        lag = 0
        for partition, position in self._positions.items():
            high = self._source.known_high(partition)
            if high is not None:
                behind = max(0, high - position.next_offset)
                self._metrics.lag.labels(partition).set(behind)
                lag += behind
        self._health.lag = lag

    def _let_go(self, partition: int) -> None:
        self._positions.pop(partition, None)
        self._stopped.pop(partition, None)
        self._health.stopped.pop(partition, None)
        self._metrics.stopped.set(len(self._stopped))

    def _position(self, partition: int) -> Position | None:
        """Where to read from, or None when that partition has to stand still."""
        low, high = self._topic.watermarks(partition)
        position = self._store.position(partition)
        if position is None:
            historikk_fra = self._topic.newest_timestamp(partition) or datetime.now(UTC)
            position = self._store.begin(partition, low, historikk_fra)
        if not self._store.is_of_topic(partition, self._topic_id or ""):
            self.stop(partition, position, ANOTHER_TOPIC)
            return None
        if position.next_offset > high:
            self.stop(partition, position, BEYOND_THE_END)
            return None
        if position.next_offset < low:
            moved = self._store.skip_to(partition, position, low)
            self._metrics.skipped.inc(low - position.next_offset)
            log.error("offsets_gone", partition=partition, offset=position.next_offset, low=low)
            return moved
        return position
