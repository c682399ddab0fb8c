"""Read one partition's range again, batch by batch, and write what differs together with the progress."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from threading import Event
from typing import NamedTuple, TypeVar

from datadeling.config import KafkaConfig
from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Service
from datadeling.db.database import Database
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.db.transaction import Transaction
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable, DatadelingError
from datadeling.operations.replay.jobs import Range, Request, refuse_new_generation
from datadeling.operations.replay.reader import Reader
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.tally import Tally, total

_WAIT = 0.2  # seconds from the first message of a batch until it is written, full or not
_UNSAVED = 20_000  # messages of other avtaler after which the progress is saved all the same
_LAG_CHECK_EVERY = 0.2  # seconds
_TOLERATED_LAG = 2_000  # messages: a batch or two of the live consumer's
_UNLIMITED = 1_000_000

_T = TypeVar("_T")


class Setting(NamedTuple):
    """Settings of a replay. `lag` returns the number of messages that are waiting for the live consumer."""

    kafka: KafkaConfig
    db_url: str
    batch_size: int = 2_000
    lag: Callable[[], int] = lambda: 0


class NotRunning(DatadelingError):
    """The replay was cancelled, or ended by another process. Stop."""


class PartitionReplay:
    """One range of one partition, of a replay or, without one, of a dry run. For one thread.

    `saved`: its progress, as it is in the database. `begun`: the offset where this process began. `events`:
    number of messages that it has read since.
    """

    def __init__(
        self, setting: Setting, request: Request, progress: PartitionProgress, replay: ReplayRow | None = None
    ) -> None:
        self.saved = progress
        self.begun = progress.next_offset
        self.events = 0
        self._setting = setting
        self._request = request
        self._replay = replay
        self._events_before = progress.events
        self._unsure = False

    @property
    def left(self) -> int:
        """Number of offsets still to be read."""
        return self.saved.to_offset - self.saved.next_offset

    def run(self, database: Database, stop: Event, on_batch: Callable[[], None]) -> None:
        """Read to the end of the range, or until `stop` and write the batch in hand.

        While the broker is unavailable it tries again, for ever; while the database is, until `stop`. Raise
        `DatabaseUnavailable` then, `NotRunning`, `Busy` when another process has moved it on, `TopicChanged`,
        and what `on_batch` raises.
        """
        topic, partition = self._setting.kafka.topic, self.saved.partition
        rewrite = Rewrite(database, topic, is_dry_run=self._replay is None)
        ranges = {partition: Range(self.saved.next_offset, self.saved.to_offset)}
        with closing(Reader(self._setting.kafka, ranges)) as reader:
            batches = _Batches(reader, partition, self._setting, self._request, stop)
            with database.working(batches.read_ahead):
                while self.left and not stop.is_set():
                    messages, end, self.events = batches.take()
                    retried(partial(self._write, database, rewrite, messages, end), stop)
                    on_batch()

    def _write(self, database: Database, rewrite: Rewrite, messages: Sequence[Message], end: int) -> None:
        """Write a batch, and the progress to `end`. After a failure, first read what has been committed."""
        events, replay = self._events_before + self.events, self._replay
        if replay is None:
            self.saved = self._moved(end, events, rewrite.write(messages))
            return
        if self._unsure:
            with database.transaction() as tx:
                saved = tx.rows(PartitionProgress, "select_replay_partitions", id=replay.id)
            (self.saved,) = (one for one in saved if one.partition == self.saved.partition)
            messages = [message for message in messages if message.offset >= self.saved.next_offset]
        self._unsure = True

        def save(tx: Transaction, last: Message, tally: Tally) -> None:
            if last is messages[-1]:
                self._save(tx, replay, self._moved(end, events, tally))
            else:  # a part of a batch that was halved
                self._save(
                    tx, replay, self._moved(last.offset + 1, self.saved.events + tally.messages, tally)
                )

        if messages:
            rewrite.write(messages, save)
        elif self.saved.next_offset < end:
            with database.transaction() as tx:
                self._save(tx, replay, self._moved(end, events, Tally()))
        self._unsure = False

    def _moved(self, end: int, events: int, tally: Tally) -> PartitionProgress:
        tally = total((Tally.from_dict(self.saved.tally), tally))
        return self.saved._replace(next_offset=end, events=events, tally=tally.as_dict())

    def _save(self, tx: Transaction, replay: ReplayRow, moved: PartitionProgress) -> None:
        values = {**moved._asdict(), "start": self.saved.next_offset}
        if not tx.run("advance_replay", id=replay.id, **values).rowcount:
            (row,) = tx.replays(replay.topic, ids=[replay.id])
            if row.state != "running":
                raise NotRunning
            refuse_new_generation(tx, replay.topic, [moved])
            raise Busy(f"somebody else has moved replay {replay.id} on")
        self.saved = moved


class _Batches:
    """The batches of one partition. Each is begun while the database works on the one before."""

    def __init__(
        self, reader: Reader, partition: int, setting: Setting, request: Request, stop: Event
    ) -> None:
        self._reader = reader
        self._partition = partition
        self._key = request.avtale_id and request.avtale_id.encode()
        self._rate = Rate(request.rate, stop, setting.lag)
        self._stop = stop
        self._batch = Batch(setting.batch_size, _WAIT)
        self._events = 0
        self._broker = Service("broker")
        self._error: DatadelingError | None = None

    def take(self) -> tuple[Sequence[Message], int, int]:
        """Return a batch, the offset that it ends before, and the number of messages read up to there.

        Block until it is full or has waited long enough, or until the end or `stop`.
        """
        most = self._events + _UNSAVED
        self._rate.wait(0)
        while self._reader.left and not self._stop.is_set() and self._events <= most:
            now = time.monotonic()
            if self._batch.ready(now):
                break
            try:
                fetched = self._fetch(now, self._batch.time_left(now))
            except BrokerUnavailable as error:
                self._broker.failed(str(error))
                self._stop.wait(self._broker.pause_left())
                continue
            if fetched:
                self._broker.answered()
            self._rate.wait(fetched)
        messages = self._batch.messages
        self._batch.clear()
        return messages, self._reader.positions[self._partition], self._events

    def read_ahead(self) -> bool:
        """Fetch what has arrived of the next batch; return False when there was nothing. Raises nothing."""
        if (
            self._error
            or self._rate.limit
            or self._stop.is_set()
            or not (self._batch.room and self._reader.left)
        ):
            return False
        try:
            return self._fetch(time.monotonic(), 0.0) > 0
        except DatadelingError as error:
            self._error = error  # raised by the next `take`: here it would break the transaction
            return False

    def _fetch(self, now: float, timeout: float) -> int:
        if self._error:
            error, self._error = self._error, None
            raise error
        messages = self._reader.fetch(min(self._batch.room, self._rate.at_once), timeout)
        fetched = len(messages)
        self._events += fetched
        if self._key:
            messages = [message for message in messages if message.key == self._key]
        self._batch.add(messages, now)
        return fetched


class Rate:
    """At most `limit` messages a second; None is no limit.

    Also gives way to the live consumer: waits while more than 2,000 messages (`lag`) are waiting for it.
    """

    def __init__(self, limit: int | None, stop: Event, lag: Callable[[], int]) -> None:
        self.limit = limit
        self.at_once = _UNLIMITED if limit is None else max(1, limit // 5)  # a fifth of a second's
        self._stop = stop
        self._lag = lag
        self._due = 0.0

    def wait(self, messages: int) -> None:
        """Block until the messages before these have had their time, or until `stop`."""
        while self._lag() > _TOLERATED_LAG and not self._stop.wait(_LAG_CHECK_EVERY):
            pass
        if self.limit is not None:
            now = time.monotonic()
            begins = max(now, self._due)
            self._due = begins + messages / self.limit
            self._stop.wait(begins - now)


def retried(step: Callable[[], _T], stop: Event) -> _T:
    """Return the result of a step, which is tried again while the database is unavailable.

    Raise `DatabaseUnavailable` when it still is after `stop`.
    """
    service = Service("database")
    while True:
        try:
            result = step()
        except DatabaseUnavailable as error:
            service.failed(str(error))
            if stop.wait(service.pause_left()):
                raise
        else:
            service.answered()
            return result
