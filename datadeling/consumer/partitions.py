"""The state of the assigned partitions, and the offset from which each is read.

*Running*: has a position, and its messages go into the batch. *Waiting*: new, or held because its position is
in doubt; `start_waiting` reads the position again and makes it run. *Stopped*: left alone until its position
in the database has been changed or this process has been restarted.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import structlog

from datadeling.consumer.health import Health
from datadeling.consumer.source import Source
from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.domain.hendelse import Position
from datadeling.metrics import ConsumerMetrics
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.store import advance

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
        database: Database,
        health: Health,
        metrics: ConsumerMetrics,
    ) -> None:
        self.running: dict[int, Position] = {}
        self._source = source
        self._topic = topic
        self._database = database
        self._health = health
        self._metrics = metrics
        self._stopped: dict[int, Position] = {}
        self._retried: set[int] = set()
        self._topic_id = ""

    def waiting(self) -> list[int]:
        """Return the partitions that `start_waiting` can start."""
        return sorted(self._source.owned - self.running.keys() - self._stopped.keys())

    def hold(self, partitions: Collection[int]) -> None:
        """Fetch none of these until their positions have been read again. Drop their messages."""
        self._source.pause(partitions)
        for partition in partitions:
            self.running.pop(partition, None)

    def update(self) -> None:
        """Forget the partitions that the last fetch has interrupted."""
        for partition in self._source.interrupted:
            self._forget(partition)
            self._metrics.lag.remove(partition)
        self._source.interrupted.clear()

    def check_topic(self) -> None:
        """Hold all partitions if the topic has been created anew. Raise `BrokerUnavailable`."""
        topic_id = self._topic.identity()
        if self._topic_id not in {"", topic_id}:
            self.hold(self._source.owned)
        self._topic_id = topic_id

    def start_waiting(self) -> None:
        """Start the waiting partitions, each from its position in the database."""
        self.check_topic()
        for partition in self.waiting():
            if (position := self._read_position(partition)) is None:
                continue
            if partition not in self._retried:
                # Once at start: this release may be able to read what an earlier one has parked.
                outcomes = Retry(self._database, self._topic.name).partition(partition)
                self._retried.add(partition)
                if outcomes:
                    log.info("failed_retried", partition=partition, outcomes=dict(outcomes))
            self.running[partition] = position
            self._source.start(partition, position.next_offset)
            log.info("partition_started", partition=partition, offset=position.next_offset)

    def stop(self, partition: int, position: Position, why: str) -> None:
        """Stop a partition until an operator intervenes. The others go on; readiness reports it."""
        self.hold([partition])
        self._stopped[partition] = position
        self._health.stopped[partition] = why
        log.error("partition_stopped", partition=partition, offset=position.next_offset, why=why)

    def compare(self, stored: Mapping[int, Position]) -> None:
        """Read on from the stored positions where these are not ours: somebody else has changed them."""
        for partition, position in {**self.running, **self._stopped}.items():
            if stored.get(partition) != position:
                self._source.pause([partition])
                self._forget(partition)

    def refresh_lag(self) -> None:
        """Set the lag from the watermarks of the last fetch. Does not block."""
        lag = 0
        for partition, position in self.running.items():
            high = self._source.high_watermark(partition)
            if high is not None:
                behind = max(0, high - position.next_offset)
                self._metrics.lag.labels(partition).set(behind)
                lag += behind
        self._health.lag = lag

    def _forget(self, partition: int) -> None:
        self.running.pop(partition, None)
        self._stopped.pop(partition, None)
        self._health.stopped.pop(partition, None)

    def _read_position(self, partition: int) -> Position | None:
        """Return the position to start from, or stop the partition and return None."""
        topic = self._topic.name
        place = {"topic": topic, "partition": partition}
        low, high = self._topic.watermarks(partition)
        historikk_fra = self._topic.newest_timestamp(partition) or datetime.now(UTC)
        with self._database.transaction() as tx:
            # 1. A partition that has never been read begins at the low watermark.
            tx.run("insert_offset", **place, next_offset=low, historikk_fra=historikk_fra)
            position = tx.positions(topic)[partition]
            tx.run("recognise_topic", **place, topic_id=self._topic_id)
            is_ours = tx.first(str, "select_topic_id", **place) == self._topic_id
            # 2. Offsets that compaction or retention has removed are skipped, counted and logged.
            start = position._replace(next_offset=max(position.next_offset, low))
            if is_ours and start != position:
                advance(tx, topic, partition, position, start)
        # 3. An offset of another topic, or beyond the end, means nothing here: never guess another one.
        if not is_ours or position.next_offset > high:
            self.stop(partition, position, BEYOND_THE_END if is_ours else ANOTHER_TOPIC)
            return None
        if start != position:
            self._metrics.skipped.inc(low - position.next_offset)
            log.error("offsets_gone", partition=partition, offset=position.next_offset, low=low)
        return start
