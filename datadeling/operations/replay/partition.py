"""Read one partition's range again, batch by batch, and report how far that has come."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

from datadeling.config import KafkaConfig
from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Service
from datadeling.db.database import Database
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable, DatadelingError
from datadeling.operations.replay.jobs import Range
from datadeling.operations.replay.rate import Rate
from datadeling.operations.replay.reader import Reader
from datadeling.operations.replay.writer import Writer
from datadeling.pipeline.message import Message

_WAIT = 0.2  # seconds from the first message of a batch until it is written, full or not
_UNSAVED = 20_000  # messages of other avtaler after which the progress is saved all the same


class PartitionReplay:
    """One range of one partition. Runs on one thread; others may read its figures.

    `first`: where the replay was begun, `begun`: where it was resumed. Everything before `at` is done.
    `events`: messages read since it was resumed.
    """

    def __init__(self, config: KafkaConfig, partition: int, range_: Range, avtale_id: str | None) -> None:
        self.partition = partition
        self.first = self.begun = self.at = range_.start
        self.end = range_.end
        self.events = 0
        self._config = config
        self._key = None if avtale_id is None else avtale_id.encode()
        self._database = Service("database")

    def run(self, database: Database, writer: Writer, rate: Rate, stop: Event, batch_size: int) -> None:
        """Read to the end of the range, or until `stop` and write the batch in hand.

        While the database or the broker is unavailable it tries again, for ever. Raise `TopicChanged` and
        what `writer` raises.
        """
        reader = Reader(self._config, {self.partition: Range(self.at, self.end)})
        batches = _Batches(reader, self.partition, self._key, rate, stop, batch_size)
        with closing(reader), database.working(batches.read_ahead):
            while self.at < self.end and not stop.is_set():
                run = batches.take()
                self.events = run.events
                self._write(writer, run, stop)

    def _write(self, writer: Writer, run: "_Run", stop: Event) -> None:
        messages, end, events = run
        while end > self.at:
            try:
                if self._database.failing:
                    self.at = max(self.at, writer.recover())
                    messages = [message for message in messages if message.offset >= self.at]
                if end > self.at:
                    writer.write(messages, end, events)
                self.at = end
                self._database.answered()
            except DatabaseUnavailable as error:
                self._database.failed(str(error))
                if stop.wait(self._database.pause_left()):
                    return


class _Run(NamedTuple):
    """A batch, the offset that it ends before, and the number of messages read up to there."""

    messages: Sequence[Message]
    end: int
    events: int


class _Batches:
    """The batches of one partition. Each is begun while the database works on the one before."""

    def __init__(
        self, reader: Reader, partition: int, key: bytes | None, rate: Rate, stop: Event, size: int
    ) -> None:
        self._reader = reader
        self._partition = partition
        self._key = key
        self._rate = rate
        self._stop = stop
        self._batch = Batch(size, _WAIT)
        self._events = 0
        self._broker = Service("broker")
        self._error: DatadelingError | None = None

    def take(self) -> _Run:
        """Block until a batch is full or has waited long enough, or until the end or `stop`; return it."""
        most = self._events + _UNSAVED
        self._rate.wait(0)
        while not (
            self._reader.done
            or self._stop.is_set()
            or self._events > most
            or self._batch.ready(now := time.monotonic())
        ):
            try:
                fetched = self._fetch(now, self._batch.time_left(now))
            except BrokerUnavailable as error:
                self._broker.failed(str(error))
                self._stop.wait(self._broker.pause_left())
                continue
            if fetched:
                self._broker.answered()
            self._rate.wait(fetched)
        run = _Run(self._batch.messages, self._reader.positions[self._partition], self._events)
        self._batch.clear()
        return run

    def read_ahead(self) -> bool:
        """Fetch what has arrived of the next batch; return False when there was nothing. Raises nothing."""
        if self._error or self._rate.limit or self._stop.is_set() or self._reader.done or self._batch.is_full:
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
        if self._key is not None:
            messages = [message for message in messages if message.key == self._key]
        self._batch.add(messages, now)
        return fetched


@dataclass(slots=True)
class Progress:
    """Progress over some partitions. Offsets count the holes of a compacted log, `events` does not."""

    parts: Sequence[PartitionReplay]
    _began: float = field(default_factory=time.monotonic)

    @property
    def total(self) -> int:
        """Number of offsets to read, from where each partition was begun first."""
        return sum(part.end - part.first for part in self.parts)

    @property
    def left(self) -> int:
        """Number of offsets still to be read."""
        return sum(part.end - part.at for part in self.parts)

    @property
    def events(self) -> int:
        """Messages read since it was begun or resumed."""
        return sum(part.events for part in self.parts)

    @property
    def per_second(self) -> float:
        """Messages read a second, on average."""
        return self.events / self._seconds

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the average so far; None while nothing has been read."""
        read = sum(part.at - part.begun for part in self.parts)
        return self.left * self._seconds / read if read else None

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._began, 0.001)


OnProgress = Callable[[Progress], None]
"""Called with the progress twice a second."""
