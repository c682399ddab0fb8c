"""Poll, fill, write, and wait out what is not the messages' fault. No SQL, no JSON.

One thread. Whatever happens it keeps calling `Source.fetch`, so that the group keeps us.

A partition of ours is in one of three states. *Running*: it has a position, and what is fetched of it goes
into the batch. *Waiting*, as the source says: new, lost to another consumer, or at an offset that the broker
does not know; `_begin` reads the position again and makes it run. *Stopped*: waiting, and left alone.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from datadeling.domain.hendelse import Position
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable, LostPartition
from datadeling.ingest.batch import Batch
from datadeling.ingest.health import Health, Service
from datadeling.ingest.source import Source
from datadeling.ingest.store import FAILED_STATES, Store, Written
from datadeling.metrics import ConsumerMetrics

_LONGEST_FETCH = 0.5  # seconds; a signal is seen after one at the latest
_CHECK_EVERY = 5.0  # seconds

log = structlog.get_logger(__name__)


class Loop:
    """Carries messages from the source to the store until `stop`."""

    def __init__(
        self, source: Source, store: Store, batch: Batch, health: Health, metrics: ConsumerMetrics
    ) -> None:
        self._source = source
        self._store = store
        self._batch = batch
        self._health = health
        self._metrics = metrics
        self._positions: dict[int, Position] = {}
        self._retried: set[int] = set()
        self._stopping = False
        self._check_at = 0.0

    def stop(self) -> None:
        """Write the batch in hand, leave the group, return from `run`. A signal handler may call it."""
        self._stopping = True

    def run(self) -> None:
        """Turn until `stop`. Whatever ends it, the group has been left when it returns or raises.

        Raise `DatabaseBug` or `UnstorableRow` when going on would need a change of this program.
        """
        try:
            self._source.subscribe()
            while not self._stopping:
                self.turn()
            if self._batch.messages:
                self._attempt(self._write, self._health.database)
        finally:
            self._source.close()

    def turn(self) -> None:
        """One round: look after services and partitions, fetch, write when the batch is ready."""
        began = time.monotonic()
        self._health.turned()
        self._check(began)
        self._fetch(began)
        if self._waiting():
            self._attempt(self._begin, self._health.broker, self._health.database)
        if self._batch.ready(time.monotonic()):
            self._attempt(self._write, self._health.database)

    def _check(self, now: float) -> None:
        """Ask both services now and then: health is to be right when no message comes, too."""
        due = now >= self._check_at
        if due or self._health.broker.failing:
            self._attempt(self._source.ask, self._health.broker)
        if due or self._health.database.failing:
            self._attempt(self.look_around, self._health.database)
        if due:
            self._check_at = time.monotonic() + _CHECK_EVERY

    def look_around(self) -> None:
        """Bring the gauges up to date. Raise `DatabaseUnavailable`."""
        counts = self._store.count_failed()
        for state in FAILED_STATES:
            self._metrics.failed.labels(state).set(counts.get(state, 0))
        self._metrics.stopped.set(len(self._health.stopped))
        self._tell_lag()

    def _fetch(self, began: float) -> None:
        timeout = min(self._batch.patience(began), _LONGEST_FETCH)
        if self._health.database.failing:
            timeout = min(self._health.database.pause_left(), _LONGEST_FETCH)
        messages = self._source.fetch(max(self._batch.room, 1), timeout)
        for partition in self._source.take_revoked():
            self._forget(partition)
        for partition in self._source.waiting:
            self._positions.pop(partition, None)
        self._batch.drop(self._batch.partitions - self._positions.keys())
        # The wait counts from before the fetch: the first of them may have come in right then.
        self._batch.add([m for m in messages if m.partition in self._positions], began)

    def _forget(self, partition: int) -> None:
        self._positions.pop(partition, None)
        self._health.stopped.pop(partition, None)
        self._metrics.lag.remove(partition)

    def _waiting(self) -> list[int]:
        return sorted(self._source.waiting - self._health.stopped.keys())

    def _begin(self) -> None:
        for partition in self._waiting():
            position = self._position(partition)
            if position is None:
                continue
            if partition not in self._retried:
                # A release that can read what was parked before mends it.
                outcomes = self._store.retry_failed(partition)
                self._retried.add(partition)
                if outcomes:
                    log.info("failed_retried", partition=partition, outcomes=dict(outcomes))
            self._positions[partition] = position
            self._source.start(partition, position.next_offset)
            log.info("partition_started", partition=partition, offset=position.next_offset)

    def _position(self, partition: int) -> Position | None:
        """Where to read from, or None when that partition has to stand still."""
        low, high = self._source.watermarks(partition)
        position = self._store.position(partition)
        if position is None:
            historikk_fra = self._source.newest_timestamp(partition) or datetime.now(UTC)
            return self._store.begin(partition, low, historikk_fra)
        if position.next_offset > high:
            self._stop_partition(partition, position, "the stored offset is beyond the end of the topic")
            return None
        if position.next_offset < low:
            moved = self._store.skip_to(partition, position, low)
            self._metrics.skipped.inc(low - position.next_offset)
            log.error("offsets_gone", partition=partition, offset=position.next_offset, low=low)
            return moved
        return position

    def _stop_partition(self, partition: int, position: Position, why: str) -> None:
        """Let a partition stand still until somebody looks at it; the others go on, and readiness says so."""
        self._source.hold({partition})
        self._health.stopped[partition] = why
        self._metrics.stopped.set(len(self._health.stopped))
        log.error("partition_stopped", partition=partition, offset=position.next_offset, why=why)

    def _write(self) -> None:
        messages = self._batch.messages
        began = time.monotonic()
        written = self._store.write(messages, self._positions)
        self._batch.clear()
        self._positions.update(written.positions)
        for partition in written.broken:
            self._stop_partition(
                partition, self._positions[partition], "too many unreadable messages in a row"
            )
        self._source.commit({p: at.next_offset for p, at in written.positions.items()})
        oldest = min(melding.timestamp for melding in messages)
        self._tell(written, len(messages), time.monotonic() - began, oldest)

    def _tell(self, written: Written, events: int, seconds: float, oldest: datetime) -> None:
        now = datetime.now(UTC)
        self._metrics.batch_events.observe(events)
        self._metrics.batch_seconds.observe(seconds)
        self._metrics.latency.observe(max(0.0, (now - oldest).total_seconds()))
        self._metrics.last_commit.set(now.timestamp())
        for outcome, count in written.outcomes.items():
            self._metrics.events.labels(outcome).inc(count)
        self._tell_lag()

    def _tell_lag(self) -> None:
        for partition, position in self._positions.items():
            high = self._source.known_high(partition)
            if high is not None:
                self._metrics.lag.labels(partition).set(max(0, high - position.next_offset))

    def _attempt(self, step: Callable[[], None], *services: Service) -> None:
        """Run a step that needs these services, unless one of them is being left alone."""
        if any(service.pause_left() for service in services) and not self._stopping:
            return
        database_was_failing = self._health.database.failing
        try:
            step()
        except LostPartition as error:
            log.warning("partition_lost", partition=error.partition)
            self._source.hold(self._batch.partitions | {error.partition})
            self._batch.clear()
        except DatabaseUnavailable as error:
            self._health.database.failed(str(error))
            self._source.pause()
        except BrokerUnavailable as error:
            self._health.broker.failed(str(error))
        else:
            for service in services:
                service.answered()
            if database_was_failing and not self._health.database.failing:
                self._source.resume()
