"""Reads one partition's range again, batch by batch, and waits out what is not the messages' fault."""

import time
from threading import Event

from datadeling.config import KafkaConfig
from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Service
from datadeling.errors import BrokerUnavailable, DatabaseUnavailable
from datadeling.operations.replay.rate import Rate
from datadeling.operations.replay.reader import Reader
from datadeling.operations.replay.request import Range
from datadeling.operations.replay.sink import Sink

_WAIT = 0.2  # seconds that a batch waits to be full
_UNKEPT = 20_000  # messages of other avtaler after which the progress is kept all the same


class PartitionReplay:
    """One range of one partition. For one thread; others may look at its figures.

    `first`: where it was begun, `begun`: where it was resumed. Everything before `at` is done. `events`:
    messages read here.
    """

    def __init__(self, config: KafkaConfig, partition: int, range_: Range, avtale_id: str | None) -> None:
        self.partition = partition
        self.first = self.begun = self.at = range_.start
        self.end = range_.end
        self.events = 0
        self._config = config
        self._key = None if avtale_id is None else avtale_id.encode()
        self._broker = Service("broker")
        self._database = Service("database")

    def run(self, sink: Sink, rate: Rate, stop: Event, batch_size: int) -> None:
        """Until the end or `stop`; what has been read then is written. Raise what `Reader` and `Sink` do.

        While the database or the broker is away it tries again, for ever.
        """
        reader = Reader(self._config, {self.partition: Range(self.at, self.end)})
        batch = Batch(batch_size, _WAIT)
        try:
            while self.at < self.end and not stop.is_set():
                self._gather(reader, batch, rate, stop)
                self._put(sink, batch, reader.positions[self.partition], stop)
        finally:
            reader.close()

    def _gather(self, reader: Reader, batch: Batch, rate: Rate, stop: Event) -> None:
        """Fill the batch."""
        enough = self.events + _UNKEPT
        while not (
            reader.done or stop.is_set() or self.events > enough or batch.ready(now := time.monotonic())
        ):
            try:
                messages = reader.fetch(min(batch.room, rate.at_once), batch.patience(now))
            except BrokerUnavailable as error:
                self._broker.failed(str(error))
                stop.wait(self._broker.pause_left())
                continue
            if messages:
                self._broker.answered()
            fetched = len(messages)
            self.events += fetched
            if self._key is not None:
                messages = [m for m in messages if m.key == self._key]
            batch.add(messages, now)
            rate.wait(fetched)

    def _put(self, sink: Sink, batch: Batch, reached: int, stop: Event) -> None:
        messages = batch.messages
        batch.clear()
        while reached > self.at:
            try:
                if self._database.failing:
                    self.at = max(self.at, sink.recover())
                    messages = tuple(m for m in messages if m.offset >= self.at)
                if reached > self.at:
                    sink.put(messages, reached, self.events)
                self.at = reached
                self._database.answered()
            except DatabaseUnavailable as error:
                self._database.failed(str(error))
                if stop.wait(self._database.pause_left()):
                    return
