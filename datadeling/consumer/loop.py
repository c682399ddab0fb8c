"""The consumer's loop: fetch, write when the batch is ready, back off when a service fails. No SQL, no JSON.

One thread. While the database works on a batch, it fetches and reads messages for the next one. Whatever
happens, it keeps calling `Source.fetch`, so that the group keeps it as a member.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter

import structlog

from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Health, Service
from datadeling.consumer.partitions import TOO_MANY_UNREADABLE, Partitions
from datadeling.consumer.source import Source
from datadeling.db.rows import Parked
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable, LostPartition
from datadeling.metrics import ConsumerMetrics
from datadeling.pipeline.message import Decoded, Message
from datadeling.pipeline.store import FAILED_STATES, Store, Written, read_all

_FETCH_TIMEOUT = 0.5  # seconds; a signal is noticed after that at the latest
_BACKLOG_TIMEOUT = 0.01  # seconds; enough for the next messages of a backlog
_CHECK_INTERVAL = 5.0  # seconds
_PRUNE_INTERVAL = 3_600.0  # seconds

log = structlog.get_logger(__name__)


class Loop:
    """Moves messages from the source to the store until `stop`."""

    def __init__(
        self,
        source: Source,
        partitions: Partitions,
        store: Store,
        prune: Callable[[], Mapping[str, int]],
        batch: Batch,
        health: Health,
        metrics: ConsumerMetrics,
    ) -> None:
        self._source = source
        self._partitions = partitions
        self._store = store
        self._prune_step = prune
        self._batch = batch
        self._health = health
        self._metrics = metrics
        self._stopping = False
        self._has_backlog = False
        self._check_at = 0.0
        self._prune_at = 0.0

    def stop(self) -> None:
        """Make `run` write the batch in hand, leave the group and return. A signal handler may call it."""
        self._stopping = True

    def run(self) -> None:
        """Run until `stop`. The group has been left when it returns or raises.

        Raise `DatabaseBug` or `UnstorableRow` for a fault in this program.
        """
        try:
            self._source.subscribe()
            while not self._stopping:
                self.run_once()
            if self._batch.messages:
                self._attempt(self._write, self._health.database)
        finally:
            self.close()

    def close(self) -> None:
        """Leave the group. Calling it again is safe."""
        self._source.close()

    def run_once(self) -> None:
        """Check services and partitions, fetch, and write when the batch is ready."""
        began = time.monotonic()
        self._health.record_turn()
        self._check(began)
        has_more = self._fetch(began)
        if self._partitions.waiting() and not self._stopping:
            self._attempt(self._partitions.start_waiting, self._health.broker, self._health.database)
        has_caught_up = self._has_backlog and not has_more
        if self._batch.ready(time.monotonic(), is_all=has_caught_up):
            self._attempt(self._write, self._health.database)
        elif has_caught_up:
            self._has_backlog = False

    def _check(self, now: float) -> None:
        """Call both services regularly, so that health is right even when no messages come."""
        due = now >= self._check_at
        if due or self._health.broker.failing:
            self._attempt(self._partitions.check_topic, self._health.broker)
        if due or self._health.database.failing:
            self._attempt(self.refresh_metrics, self._health.database)
        if now >= self._prune_at:
            self._attempt(self._prune, self._health.database)
        if due:
            self._check_at = time.monotonic() + _CHECK_INTERVAL
            self._commit_to_kafka()

    def refresh_metrics(self) -> None:
        """Set the gauges, and notice offsets that operators have changed. Raises like `Store.write`."""
        backlog = self._store.backlog()
        nothing = Parked(0, 0.0)
        for state in FAILED_STATES:
            self._metrics.failed.labels(state).set(backlog.failed.get(state, nothing).messages)
        self._metrics.oldest_failed.set(backlog.failed.get("new", nothing).oldest)
        self._metrics.slot_lag.clear()  # a slot that has been dropped holds nothing back
        for slot, lag in backlog.slot_lags.items():
            self._metrics.slot_lag.labels(slot).set(lag)
        self._metrics.lookup_log_left.set(backlog.lookup_log_left.total_seconds())
        self._partitions.check_offsets()
        self._partitions.refresh_lag()

    def _commit_to_kafka(self) -> None:
        """Commit the positions for lag tools.

        Seldom, and only while the broker answers: a commit that arrives after we have rejoined the group as
        the same static member would fence us.
        """
        if self._health.broker.available:
            self._source.commit({p: at.next_offset for p, at in self._partitions.positions.items()})

    def _prune(self) -> None:
        """Delete a part of what is too old; the rest in the next turns, then nothing for an hour."""
        pruned = self._prune_step()
        if pruned:
            log.info("pruned", **pruned)
        else:
            self._prune_at = time.monotonic() + _PRUNE_INTERVAL

    def _fetch(self, began: float) -> bool:
        """Fetch and read messages. Return False when there were fewer than there was room for."""
        timeout = min(self._batch.time_left(began), _BACKLOG_TIMEOUT if self._has_backlog else _FETCH_TIMEOUT)
        if self._health.database.failing:
            timeout = min(self._health.database.pause_left(), _FETCH_TIMEOUT)
        room = self._batch.room
        return self._add_to_batch(began, timeout) >= room

    def _add_to_batch(self, began: float, timeout: float) -> int:
        """Fetch up to `Batch.room` messages, add and read them; return their number."""
        messages = self._source.fetch(max(self._batch.room, 1), timeout)
        self._partitions.update_assignment()
        self._drop_not_running()
        running = self._partitions.positions
        # The wait counts from before the fetch: the first message may have arrived right then.
        self._batch.add([m for m in messages if m.partition in running], began)
        self._batch.read(self._read)
        return len(messages)

    def _read_ahead(self) -> bool:
        """Begin the next batch while the database works on this one; False when there is nothing to do."""
        self._health.record_turn()
        if self._stopping or self._batch.is_full:
            return False
        return self._add_to_batch(time.monotonic(), 0.0) > 0

    def _read(self, messages: Sequence[Message]) -> list[Decoded]:
        return read_all(messages, self._partitions.positions)

    def _drop_not_running(self) -> None:
        """Drop the messages of partitions that have been revoked, held or stopped."""
        self._batch.drop(self._batch.partitions - self._partitions.positions.keys())

    def _write(self) -> None:
        """Write the batch, and begin the next one meanwhile."""
        # 1. Take the batch out, so that messages read ahead go into the next one.
        self._drop_not_running()
        self._batch.read(self._read)
        messages, run = self._batch.messages, self._batch.run
        self._batch.clear()
        self._has_backlog = len(messages) >= self._batch.size
        if not messages:
            return
        # 2. Write it. A rebalance may take partitions away meanwhile, for `_read_ahead` fetches.
        positions = self._partitions.positions
        began = time.monotonic()
        try:
            with self._store.working(self._read_ahead):
                written = self._store.write_run(run, dict(positions))
        except (DatabaseUnavailable, LostPartition):
            self._batch.put_back(messages)
            raise
        seconds = time.monotonic() - began
        # 3. Move only the positions of partitions that are still running here.
        self._partitions.advance({p: at for p, at in written.positions.items() if p in positions})
        for partition in written.broken & positions.keys():
            self._partitions.stop(partition, positions[partition], TOO_MANY_UNREADABLE)
        self._record_metrics(messages, written, seconds)

    def _record_metrics(self, messages: Sequence[Message], written: Written, seconds: float) -> None:
        now, oldest = datetime.now(UTC), min(map(attrgetter("timestamp"), messages))
        self._metrics.batch_events.observe(len(messages))
        self._metrics.batch_seconds.observe(seconds)
        self._metrics.latency.observe(max(0.0, (now - oldest).total_seconds()))
        self._metrics.last_commit.set(now.timestamp())
        for outcome, count in written.outcomes.items():
            self._metrics.events.labels(outcome).inc(count)
        self._partitions.refresh_lag()

    def _attempt(self, step: Callable[[], None], *services: Service) -> None:
        """Run a step that needs these services, unless one of them is backing off."""
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
