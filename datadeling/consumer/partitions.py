"""The state of the assigned partitions, and the offset from which each is read.

*Running*: has a position, and its messages go into the batch. *Waiting* (see `Source.waiting`): new, taken
over by another consumer, or at an offset that the broker does not have; `start_waiting` reads the position
again and makes it run. *Stopped*: waiting, and left alone until its position in the database has been changed
or this process has been restarted.
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
    """The positions of running partitions, and why others are stopped. For one thread."""

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
        """The positions of the running partitions."""
        return self._positions

    def waiting(self) -> list[int]:
        """Return the partitions that `start_waiting` can start."""
        return sorted(self._source.waiting - self._stopped.keys())

    def update_assignment(self) -> None:
        """Remove partitions that have been revoked or are waiting. To be called after each fetch."""
        for partition in self._source.take_revoked():
            self._forget(partition)
            self._metrics.lag.remove(partition)
        for partition in self._source.waiting:
            self._positions.pop(partition, None)

    def advance(self, positions: Mapping[int, Position]) -> None:
        """Set the positions after a batch has been written."""
        self._positions.update(positions)

    def check_topic(self) -> None:
        """Hold all partitions if the topic has been created anew. Raise `BrokerUnavailable`."""
        topic_id = self._topic.identity()
        if self._topic_id not in {None, topic_id}:
            self._source.hold(self._source.owned)
        self._topic_id = topic_id
        self._source.clear_logged_errors()

    def start_waiting(self) -> None:
        """Start the waiting partitions, each from its position in the database.

        Raise `BrokerUnavailable`, `DatabaseUnavailable` or `LostPartition`; those already started stay so.
        """
        self.check_topic()
        for partition in self.waiting():
            position = self._position(partition)
            if position is None:
                continue
            if partition not in self._retried:
                # Once at start: this release may be able to read what an earlier one has parked.
                outcomes = self._retry.partition(partition)
                self._retried.add(partition)
                if outcomes:
                    log.info("failed_retried", partition=partition, outcomes=dict(outcomes))
            self._positions[partition] = position
            self._source.start(partition, position.next_offset)
            log.info("partition_started", partition=partition, offset=position.next_offset)

    def stop(self, partition: int, position: Position, why: str) -> None:
        """Stop a partition until an operator intervenes. The others go on; readiness reports it."""
        self._source.hold({partition})
        self._positions.pop(partition, None)
        self._stopped[partition] = position
        self._health.stopped[partition] = why
        self._metrics.stopped.set(len(self._stopped))
        log.error("partition_stopped", partition=partition, offset=position.next_offset, why=why)

    def check_offsets(self) -> None:
        """Restart partitions whose stored position others have changed. Raise `DatabaseUnavailable`."""
        stored = self._store.positions()
        ours = {**self._positions, **self._stopped}
        changed = [partition for partition, position in ours.items() if stored.get(partition) != position]
        self._source.hold(changed)
        for partition in changed:
            self._forget(partition)

    def refresh_lag(self) -> None:
        """Set the lag from the watermarks of the last fetch. Does not block."""
        lag = 0
        for partition, position in self._positions.items():
            high = self._source.high_watermark(partition)
            if high is not None:
                behind = max(0, high - position.next_offset)
                self._metrics.lag.labels(partition).set(behind)
                lag += behind
        self._health.lag = lag

    def _forget(self, partition: int) -> None:
        self._positions.pop(partition, None)
        self._stopped.pop(partition, None)
        self._health.stopped.pop(partition, None)
        self._metrics.stopped.set(len(self._stopped))

    def _position(self, partition: int) -> Position | None:
        """Return the position to start from, or stop the partition and return None."""
        low, high = self._topic.watermarks(partition)
        position = self._store.position(partition)
        # 1. A partition that has never been read begins at the low watermark.
        if position is None:
            historikk_fra = self._topic.newest_timestamp(partition) or datetime.now(UTC)
            position = self._store.begin(partition, low, historikk_fra)
        # 2. An offset of another topic, or beyond the end, means nothing here: never guess another one.
        if not self._store.is_of_topic(partition, self._topic_id or ""):
            self.stop(partition, position, ANOTHER_TOPIC)
            return None
        if position.next_offset > high:
            self.stop(partition, position, BEYOND_THE_END)
            return None
        # 3. Offsets that compaction or retention has removed are skipped, counted and logged.
        if position.next_offset < low:
            moved = self._store.skip_to(partition, position, low)
            self._metrics.skipped.inc(low - position.next_offset)
            log.error("offsets_gone", partition=partition, offset=position.next_offset, low=low)
            return moved
        return position
