"""Poll, fill, write, and wait out what is not the messages' fault. No SQL, no JSON.

One thread. While the database works on a batch, it fetches and reads for the next one. Whatever happens it
keeps calling `Source.fetch`, so that the group keeps us.
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
from datadeling.db.tables.parking import Parked
from datadeling.domain.hendelse import Position
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable, LostPartition
from datadeling.metrics import ConsumerMetrics
from datadeling.pipeline.message import Decoded, Message
from datadeling.pipeline.store import FAILED_STATES, Store, Written, read_all

_LONGEST_FETCH = 0.5  # seconds; a signal is seen after one at the latest
_CATCHING_UP = 0.01  # seconds in which more comes in, if there is more
_CHECK_EVERY = 5.0  # seconds
_PRUNE_EVERY = 3_600.0  # seconds

log = structlog.get_logger(__name__)


class Loop:
    """Carries messages from the source to the store until `stop`."""

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
        self._behind = False
        self._check_at = 0.0
        self._prune_at = 0.0

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
            self.close()

    def close(self) -> None:
        """Leave the group. Calling again is safe."""
        self._source.close()

    def turn(self) -> None:
        """One round: look after services and partitions, fetch, write when the batch is ready."""
        began = time.monotonic()
        self._health.turned()
        self._check(began)
        has_more = self._fetch(began)
        if self._partitions.waiting() and not self._stopping:
            self._attempt(self._partitions.begin, self._health.broker, self._health.database)
        has_caught_up = self._behind and not has_more
        if self._batch.ready(time.monotonic(), is_all=has_caught_up):
            self._attempt(self._write, self._health.database)
        elif has_caught_up:
            self._behind = False

    def _check(self, now: float) -> None:
        """Ask both services now and then: health is to be right when no message comes, too."""
        due = now >= self._check_at
        if due or self._health.broker.failing:
            self._attempt(self._partitions.ask_topic, self._health.broker)
        if due or self._health.database.failing:
            self._attempt(self.refresh_metrics, self._health.database)
        if now >= self._prune_at:
            self._attempt(self._prune, self._health.database)
        if due:
            self._check_at = time.monotonic() + _CHECK_EVERY
            self._tell_broker()

    def refresh_metrics(self) -> None:
        """Bring the gauges up to date, and see what operators have done. Raises what `Store.write` does."""
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

    def _tell_broker(self) -> None:
        """Let lag tools know where we stand.

        Seldom, and only while the broker answers: a commit that is under way when the broker goes comes after
        we have taken our place in the group again, and then we are fenced.
        """
        if self._health.broker.available:
            self._source.commit({p: at.next_offset for p, at in self._partitions.positions.items()})

    def _prune(self) -> None:
        """Delete a part of what is kept no longer; the rest at the next turns, then nothing for an hour."""
        pruned = self._prune_step()
        if pruned:
            log.info("pruned", **pruned)
        else:
            self._prune_at = time.monotonic() + _PRUNE_EVERY

    def _fetch(self, began: float) -> bool:
        """Take in what comes until the batch is due; False when that was less than there is room for."""
        timeout = min(self._batch.patience(began), _CATCHING_UP if self._behind else _LONGEST_FETCH)
        if self._health.database.failing:
            timeout = min(self._health.database.pause_left(), _LONGEST_FETCH)
        room = self._batch.room
        return self._take_in(began, timeout) >= room

    def _take_in(self, began: float, timeout: float) -> int:
        """Fetch what there is room for, and read it while it is in the processor's cache; how many came."""
        messages = self._source.fetch(max(self._batch.room, 1), timeout)
        self._partitions.look()
        running = self._partitions.positions
        self._drop_others(running)
        # The wait counts from before the fetch: the first of them may have come in right then.
        self._batch.add([m for m in messages if m.partition in running], began)
        self._batch.read(self._read)
        return len(messages)

    def _read_ahead(self) -> bool:
        """Do some of the work of the next turn while the database is busy; False when there is none."""
        self._health.turned()
        if self._stopping or self._batch.is_full:
            return False
        return self._take_in(time.monotonic(), 0.0) > 0

    def _read(self, messages: Sequence[Message]) -> list[Decoded]:
        return read_all(messages, self._partitions.positions)

    def _drop_others(self, running: Mapping[int, Position]) -> None:
        """Forget what has been fetched of partitions that do not run any more."""
        self._batch.drop(self._batch.partitions - running.keys())

    def _write(self) -> None:
        """Write the batch; meanwhile the next one begins."""
        positions = self._partitions.positions
        self._drop_others(positions)
        self._batch.read(self._read)
        messages, run = self._batch.messages, self._batch.run
        self._batch.clear()
        self._behind = len(messages) >= self._batch.size
        if not messages:
            return
        began = time.monotonic()
        try:
            with self._store.working(self._read_ahead):
                written = self._store.write_run(run, dict(positions))
        except (DatabaseUnavailable, LostPartition):
            self._batch.put_back(messages)
            raise
        seconds = time.monotonic() - began
        self._partitions.moved({p: at for p, at in written.positions.items() if p in positions})
        for partition in written.broken & positions.keys():
            self._partitions.stop(partition, positions[partition], TOO_MANY_UNREADABLE)
        self._tell(messages, written, seconds)

    def _tell(self, messages: Sequence[Message], written: Written, seconds: float) -> None:
        now, oldest = datetime.now(UTC), min(map(attrgetter("timestamp"), messages))
        self._metrics.batch_events.observe(len(messages))
        self._metrics.batch_seconds.observe(seconds)
        self._metrics.latency.observe(max(0.0, (now - oldest).total_seconds()))
        self._metrics.last_commit.set(now.timestamp())
        for outcome, count in written.outcomes.items():
            self._metrics.events.labels(outcome).inc(count)
        self._partitions.refresh_lag()

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
