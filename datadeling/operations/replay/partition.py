"""Read one partition's range again, batch by batch, and write what differs together with the progress."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import NamedTuple

from datadeling.config import KafkaConfig
from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Service, retried
from datadeling.db.database import Database
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.db.transaction import Transaction
from datadeling.errors import BrokerUnavailable, Busy, DatadelingError
from datadeling.operations.replay.jobs import Request, refuse_new_generation
from datadeling.operations.replay.reader import Reader
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.tally import Tally

_WAIT = 0.2  # seconds from the first message of a batch until it is written, full or not
_UNSAVED = 20_000  # messages of other avtaler after which the progress is saved all the same
_LAG_CHECK_EVERY = 0.2  # seconds
_TOLERATED_LAG = 2_000  # messages: a batch or two of the live consumer's


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

    `begun` and `saved`: its progress when this process began, and now, as it is in the database.
    """

    def __init__(
        self, setting: Setting, request: Request, progress: PartitionProgress, replay: ReplayRow | None = None
    ) -> None:
        self.begun = self.saved = progress
        self._setting = setting
        self._request = request
        self._replay = replay
        self._unsure = False

    @property
    def left(self) -> int:
        """Number of offsets still to be read."""
        return self.saved.to_offset - self.saved.next_offset

    def run(self, database: Database, stop: Event, on_batch: Callable[[], None]) -> None:
        """Read to the end of the range, or until `stop` and write the batch in hand.

        Waits for the broker and the database until `stop`. Raise `DatabaseUnavailable` then, `NotRunning`,
        `Busy` when another process has moved it on, `TopicChanged`, and what `on_batch` raises.
        """
        rewrite = Rewrite(database, self._setting.kafka.topic, is_dry_run=self._replay is None)
        ranges = {self.saved.partition: range(self.saved.next_offset, self.saved.to_offset)}
        rate = Rate(self._request.rate, stop, self._setting.lag)
        key = self._request.avtale_id and self._request.avtale_id.encode()
        with closing(Reader(self._setting.kafka, ranges)) as reader:
            batches = _Batches(reader, key or None, rate, stop, Batch(self._setting.batch_size, _WAIT))
            with database.working(batches.read_ahead):
                while self.left and not stop.is_set():
                    messages = batches.take()
                    end, events = self.saved.to_offset - reader.left, self.begun.events + batches.events
                    retried(partial(self._write, database, rewrite, messages, end, events), stop)
                    on_batch()

    def _write(
        self, database: Database, rewrite: Rewrite, messages: Sequence[Message], end: int, events: int
    ) -> None:
        """Write a batch, and the progress to `end`. After a failure, first read what has been committed."""
        if self._replay is None:
            self._advance(None, end, events, rewrite.write(messages))
            return
        if self._unsure:
            with database.transaction() as tx:
                rows = tx.rows(PartitionProgress, "select_replay_partitions", id=self._replay.id)
            (self.saved,) = (row for row in rows if row.partition == self.saved.partition)
            messages = [message for message in messages if message.offset >= self.saved.next_offset]
        self._unsure = True

        def save(tx: Transaction, last: Message, tally: Tally) -> None:
            if last is messages[-1]:
                self._advance(tx, end, events, tally)
            else:  # a part of a batch that was halved
                self._advance(tx, last.offset + 1, self.saved.events + tally.messages, tally)

        if messages:
            rewrite.write(messages, save)
        elif self.saved.next_offset < end:
            with database.transaction() as tx:
                self._advance(tx, end, events, Tally())
        self._unsure = False

    def _advance(self, tx: Transaction | None, end: int, events: int, tally: Tally) -> None:
        """Move the progress on; with a transaction, in the database, too."""
        tally = Tally.from_dict(self.saved.tally) + tally
        moved = self.saved._replace(next_offset=end, events=events, tally=tally.as_dict())
        if tx and (replay := self._replay):
            values = {**moved._asdict(), "id": replay.id, "start": self.saved.next_offset}
            if not tx.run("advance_replay", **values).rowcount:
                if tx.replays(replay.topic, ids=[replay.id])[0].state != "running":
                    raise NotRunning
                refuse_new_generation(tx, replay.topic, [moved])
                raise Busy(f"somebody else has moved replay {replay.id} on")
        self.saved = moved


@dataclass(slots=True)
class _Batches:
    """The batches of one partition. Each is begun while the database works on the one before.

    `key`: take only messages with it. `events`: number of messages read.
    """

    reader: Reader
    key: bytes | None
    rate: "Rate"
    stop: Event
    batch: Batch
    events: int = 0
    _broker: Service = field(default_factory=lambda: Service("broker"))
    _error: DatadelingError | None = None

    def take(self) -> Sequence[Message]:
        """Block until a batch is full or has waited long enough, or until the end or `stop`; return it."""
        most = self.events + _UNSAVED
        self.rate.wait(0)
        while self.reader.left and not self.stop.is_set() and self.events <= most:
            now = time.monotonic()
            if self.batch.ready(now):
                break
            try:
                fetched = self._fetch(now, self.batch.time_left(now))
            except BrokerUnavailable as error:
                self._broker.failed(str(error))
                self.stop.wait(self._broker.pause_left())
                continue
            if fetched:
                self._broker.answered()
            self.rate.wait(fetched)
        messages = self.batch.messages
        self.batch.clear()
        return messages

    def read_ahead(self) -> bool:
        """Fetch what has arrived of the next batch; return False when there was nothing. Raises nothing."""
        if self._error or self.rate.limit or self.stop.is_set() or not (self.batch.room and self.reader.left):
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
        messages = self.reader.fetch(min(self.batch.room, self.rate.at_once), timeout)
        self.events += len(messages)
        self.batch.add([m for m in messages if self.key is None or m.key == self.key], now)
        return len(messages)


class Rate:
    """At most `limit` messages a second; None is no limit.

    Also gives way to the live consumer: waits while more than 2,000 messages (`lag`) are waiting for it.
    """

    def __init__(self, limit: int | None, stop: Event, lag: Callable[[], int]) -> None:
        self.limit = limit
        self.at_once = 1_000_000 if limit is None else max(1, limit // 5)  # a fifth of a second's
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
