"""Poll, fill, write, and wait out what is not the messages' fault. No SQL, no JSON.

One thread, and a second one that writes a batch while the next one is fetched and read. Whatever happens the
first keeps calling `Source.fetch`, so that the group keeps us. It asks the database nothing before the batch
under way is settled.
"""

import time
from collections.abc import Callable, Mapping

import structlog

from datadeling.db.parking import Parked
from datadeling.domain.hendelse import Position
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable, LostPartition
from datadeling.ingest.batch import Batch
from datadeling.ingest.health import Health, Service
from datadeling.ingest.partitions import TOO_MANY_UNREADABLE, Partitions
from datadeling.ingest.pruning import Pruning
from datadeling.ingest.source import Source
from datadeling.ingest.store import FAILED_STATES, Store, read_all
from datadeling.ingest.writer import Settled, Writer
from datadeling.metrics import ConsumerMetrics

_LONGEST_FETCH = 0.5  # seconds; a signal is seen after one at the latest
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
        pruning: Pruning,
        batch: Batch,
        health: Health,
        metrics: ConsumerMetrics,
    ) -> None:
        self._source = source
        self._partitions = partitions
        self._store = store
        self._writer = Writer(store)
        self._pruning = pruning
        self._batch = batch
        self._health = health
        self._metrics = metrics
        self._stopping = False
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
            self._attempt(self._settle, self._health.database)
        finally:
            self.close()

    def close(self) -> None:
        """Let what is being written come to its end, and leave the group. Calling again is safe."""
        self._writer.close()
        self._source.close()

    def turn(self) -> None:
        """One round: look after services and partitions, fetch, write when the batch is ready."""
        began = time.monotonic()
        self._health.turned()
        if self._writer.has_ended:
            self._attempt(self._settle, self._health.database)
        self._check(began)
        self._fetch(began)
        if self._partitions.waiting() and not self._stopping:
            self._attempt(self._begin, self._health.broker, self._health.database)
        if self._batch.ready(time.monotonic()):
            self._attempt(self._write, self._health.database)

    def _check(self, now: float) -> None:
        """Ask both services now and then: health is to be right when no message comes, too."""
        due = now >= self._check_at
        if due or self._health.broker.failing:
            self._attempt(self._partitions.ask_topic, self._health.broker)
        if due or self._health.database.failing:
            self._attempt(self.look_around, self._health.database)
        if now >= self._prune_at:
            self._attempt(self._prune, self._health.database)
        if due:
            self._check_at = time.monotonic() + _CHECK_EVERY
            self._tell_broker()

    def look_around(self) -> None:
        """Bring the gauges up to date, and see what operators have done. Raises what `Store.write` does."""
        self._settle()
        counts = self._store.count_failed()
        nothing = Parked(0, 0.0)
        for state in FAILED_STATES:
            self._metrics.failed.labels(state).set(counts.get(state, nothing).messages)
        self._metrics.oldest_failed.set(counts.get("new", nothing).oldest)
        self._metrics.slot_lag.clear()  # one that has been dropped holds nothing back
        for slot, lag in self._store.slot_lags().items():
            self._metrics.slot_lag.labels(slot).set(lag)
        self._metrics.lookup_log_left.set(self._store.lookup_log_left().total_seconds())
        self._partitions.look_at_positions()
        self._partitions.tell_lag()

    def _tell_broker(self) -> None:
        """Let lag tools know where we stand.

        Seldom, and only while the broker answers: a commit that is under way when the broker goes comes after
        we have taken our place in the group again, and then we are fenced.
        """
        if self._health.broker.available:
            self._source.commit({p: at.next_offset for p, at in self._partitions.positions.items()})

    def _prune(self) -> None:
        """Delete a part of what is kept no longer; the rest at the next turns, then nothing for an hour."""
        self._settle()
        pruned = self._pruning.step()
        if pruned:
            log.info("pruned", **pruned)
        else:
            self._prune_at = time.monotonic() + _PRUNE_EVERY

    def _fetch(self, began: float) -> None:
        timeout = min(self._batch.patience(began), _LONGEST_FETCH)
        if self._health.database.failing:
            timeout = min(self._health.database.pause_left(), _LONGEST_FETCH)
        messages = self._source.fetch(max(self._batch.room, 1), timeout)
        self._partitions.look()
        running = self._partitions.positions
        self._drop_others(running)
        # The wait counts from before the fetch: the first of them may have come in right then.
        self._batch.add([m for m in messages if m.partition in running], began)

    def _drop_others(self, running: Mapping[int, Position]) -> None:
        """Forget what has been fetched of partitions that do not run any more."""
        self._batch.drop(self._batch.partitions - running.keys())

    def _begin(self) -> None:
        self._settle()
        self._partitions.begin()

    def _write(self) -> None:
        """Read the batch while the one before is being written, then have it written, too."""
        running = self._partitions.positions
        self._drop_others(running)
        run = read_all(self._batch.messages, running)
        self._settle()
        if not self._batch.partitions <= running.keys():  # the one before has stopped a partition
            self._drop_others(running)
            run = [one for one in run if one[0].partition in running]
        messages = self._batch.messages
        self._batch.clear()
        if messages:
            self._writer.start(messages, run, dict(running))
        if self._health.database.failing:
            self._settle()  # is it back?

    def _settle(self) -> None:
        """Wait for the batch that is being written, if any, and go on from where it has ended."""
        settled = self._writer.settle()
        if settled is None:
            return
        positions = self._partitions.positions
        self._partitions.moved({p: at for p, at in settled.written.positions.items() if p in positions})
        for partition in settled.written.broken & positions.keys():
            self._partitions.stop(partition, positions[partition], TOO_MANY_UNREADABLE)
        self._tell(settled)

    def _tell(self, settled: Settled) -> None:
        oldest = min(melding.timestamp for melding in settled.messages)
        self._metrics.batch_events.observe(len(settled.messages))
        self._metrics.batch_seconds.observe(settled.seconds)
        self._metrics.latency.observe(max(0.0, (settled.ended - oldest).total_seconds()))
        self._metrics.last_commit.set(settled.ended.timestamp())
        for outcome, count in settled.written.outcomes.items():
            self._metrics.events.labels(outcome).inc(count)
        self._partitions.tell_lag()

    def _attempt(self, step: Callable[[], None], *services: Service) -> None:
        """Run a step that needs these services, unless one of them is being left alone."""
        if any(service.pause_left() for service in services) and not self._stopping:
            return
        database_was_failing = self._health.database.failing
        try:
            step()
        except LostPartition as error:
            log.warning("partition_lost", partition=error.partition)
            self._batch.put_back(self._writer.take_back())
            self._source.hold(self._batch.partitions | {error.partition})
            self._batch.clear()
        except DatabaseUnavailable as error:
            self._batch.put_back(self._writer.take_back())
            self._health.database.failed(str(error))
            self._source.pause()
        except BrokerUnavailable as error:
            self._health.broker.failed(str(error))
        else:
            for service in services:
                service.answered()
            if database_was_failing and not self._health.database.failing:
                self._source.resume()
