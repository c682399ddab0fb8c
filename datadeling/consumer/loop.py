"""The consumer's loop: fetch, write when the batch is ready, back off when a service fails. No SQL, no JSON.

One thread. While the database works on a batch, it fetches and reads messages for the next one. Whatever
happens, it keeps calling `Source.fetch`, so that the group keeps it as a member. After a failure of the
database or the loss of a partition it drops what it has fetched, and reads on from the stored positions.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from operator import attrgetter

import structlog

from datadeling.config import ConsumerConfig
from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Health, Service
from datadeling.consumer.partitions import TOO_MANY_UNREADABLE, Partitions
from datadeling.consumer.source import Source
from datadeling.consumer.topic import Topic
from datadeling.db import lookup_log
from datadeling.db.database import Database
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable, LostPartition
from datadeling.metrics import ConsumerMetrics
from datadeling.pipeline.message import Message
from datadeling.pipeline.store import FAILED_STATES, Store, Written, read_all

_FETCH_TIMEOUT = 0.5  # seconds; a signal is noticed after that at the latest
_BACKLOG_TIMEOUT = 0.01  # seconds; enough for the next messages of a backlog
_CHECK_INTERVAL = 5.0  # seconds
_PRUNE_INTERVAL = 3_600.0  # seconds

RetentionStep = Callable[[Database], Mapping[str, int]]
"""Deletes a bounded part of what is too old; returns the rows by table, none when there is nothing left."""

log = structlog.get_logger(__name__)


class Loop:
    """Moves messages from the source to the tables until `stop`."""

    def __init__(
        self,
        config: ConsumerConfig,
        source: Source,
        database: Database,
        health: Health,
        metrics: ConsumerMetrics,
        retention: RetentionStep,
    ) -> None:
        self._topic = config.kafka.topic
        self._source = source
        self._database = database
        self._partitions = Partitions(source, Topic(config.kafka), database, health, metrics)
        self._store = Store(database, self._topic, config.park_limit)
        self._batch = Batch(config.batch_size, config.batch_wait, spare=config.batch_size)
        self._health = health
        self._metrics = metrics
        self._retention = retention
        self._stopping = False
        self._has_backlog = False
        self._check_at = 0.0
        self._prune_at = 0.0
        metrics.available.labels("database").set_function(lambda: health.database.available)
        metrics.available.labels("broker").set_function(lambda: health.broker.available)
        metrics.stopped.set_function(lambda: len(health.stopped))

    def stop(self) -> None:
        """Make `run` write the batch in hand, leave the group and return. A signal handler may call it."""
        self._stopping = True

    def run(self) -> None:
        """Run until `stop`. The group has been left when it returns or raises.

        Raise `DatabaseBug` or `UnstorableRow` for a fault in this program.
        """
        try:
            while not self._stopping:
                self.run_once()
            if self._batch.messages:
                self._attempt(self._write, self._health.database)
        finally:
            self._source.close()

    def run_once(self) -> None:
        """Check services and partitions, fetch, and write when the batch is ready."""
        self._health.record_turn()
        self._check()
        timeout = min(
            self._batch.time_left(time.monotonic()), _BACKLOG_TIMEOUT if self._has_backlog else _FETCH_TIMEOUT
        )
        if self._health.database.failing:
            timeout = min(self._health.database.pause_left(), _FETCH_TIMEOUT)
        has_caught_up = not self._fetch(timeout) and self._has_backlog
        if self._batch.ready(time.monotonic(), is_all=has_caught_up):
            self._attempt(self._write, self._health.database)
        elif has_caught_up:
            self._has_backlog = False

    def _check(self) -> None:
        """Start waiting partitions, and call both services regularly, also when no messages come."""
        broker, database = self._health.broker, self._health.database
        now = time.monotonic()
        is_due = now >= self._check_at
        if is_due or broker.failing:
            self._attempt(self._partitions.check_topic, broker)
        if is_due or database.failing:
            self._attempt(self.refresh_metrics, database)
        if now >= self._prune_at:
            self._attempt(self._prune, database)
        if self._partitions.waiting() and not self._stopping:
            self._attempt(self._partitions.start_waiting, broker, database)
        if is_due:
            self._check_at = time.monotonic() + _CHECK_INTERVAL
            # For lag tools. Seldom, and only while the broker answers: a commit that arrives after we have
            # rejoined the group as the same static member would fence us.
            if broker.available:
                self._source.commit({p: at.next_offset for p, at in self._partitions.running.items()})

    def refresh_metrics(self) -> None:
        """Set the gauges, and notice offsets that operators have changed. Raise `DatabaseUnavailable`."""
        with self._database.transaction() as tx:
            failed = {state: rest for state, *rest in tx.run("count_failed", topic=self._topic)}
            slot_lags = dict(tx.run("slot_lags"))
            lookup_log_left = lookup_log.time_left(tx)
            stored = tx.positions(self._topic)
        for state in FAILED_STATES:
            self._metrics.failed.labels(state).set(failed[state][0] if state in failed else 0)
        self._metrics.oldest_failed.set(failed["new"][1] if "new" in failed else 0)
        self._metrics.slot_lag.clear()  # a slot that has been dropped holds nothing back
        for slot, lag in slot_lags.items():
            self._metrics.slot_lag.labels(slot).set(lag)
        self._metrics.lookup_log_left.set(lookup_log_left.total_seconds())
        self._partitions.compare(stored)
        self._partitions.refresh_lag()

    def _prune(self) -> None:
        """Delete a part of what is too old; the rest in the next turns, then nothing for an hour."""
        pruned = self._retention(self._database)
        if pruned:
            log.info("pruned", **pruned)
        else:
            self._prune_at = time.monotonic() + _PRUNE_INTERVAL

    def _fetch(self, timeout: float) -> bool:
        """Fetch messages, add them to the batch and read them. Return False when there were none."""
        # The wait counts from before the fetch: the first message may have arrived right then.
        now = time.monotonic()
        messages = self._source.fetch(max(self._batch.room, 1), timeout)
        self._partitions.update()
        running = self._partitions.running
        self._batch.keep(running)
        ours = [message for message in messages if message.partition in running]
        self._batch.add(ours, now, read_all(ours, running))
        return bool(messages)

    def _read_ahead(self) -> bool:
        """Begin the next batch while the database works on this one; False when there is nothing to do."""
        self._health.record_turn()
        return not self._stopping and self._batch.room > 0 and self._fetch(0.0)

    def _write(self) -> None:
        """Write the batch, and begin the next one meanwhile."""
        # 1. Take the batch out, so that messages read ahead go into the next one.
        running = self._partitions.running
        self._batch.keep(running)
        messages = self._batch.messages
        run = list(zip(messages, self._batch.decoded, strict=True))
        self._batch.clear()
        self._has_backlog = len(messages) >= self._batch.size
        if not messages:
            return
        # 2. Write it. A rebalance may take partitions away meanwhile, for `_read_ahead` fetches.
        began = time.monotonic()
        with self._database.working(self._read_ahead):
            written = self._store.write(run, dict(running))
        seconds = time.monotonic() - began
        # 3. Move only the positions of partitions that are still running here.
        running.update({p: at for p, at in written.positions.items() if p in running})
        for partition in written.broken & running.keys():
            self._partitions.stop(partition, running[partition], TOO_MANY_UNREADABLE)
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
        try:
            step()
        except BrokerUnavailable as error:
            self._health.broker.failed(str(error))
        except (DatabaseUnavailable, LostPartition) as error:
            if isinstance(error, LostPartition):
                log.warning("partition_lost", partition=error.partition)
            else:
                self._health.database.failed(str(error))
            # Something may have been committed, here or elsewhere: read on from the stored positions.
            self._partitions.hold(self._source.owned)
            self._batch.clear()
        else:
            for service in services:
                service.answered()
