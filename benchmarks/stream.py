"""A steady stream of events while something else happens, and how late the consumer is with them."""

import time
from collections.abc import Iterable, Sequence
from threading import Event, Thread
from typing import Self

import psycopg
from confluent_kafka import Producer

from benchmarks.setting import handled
from datadeling.demo.generator import Record

_TICK = 0.02  # seconds


class Stream:
    """Sends so many events a second while the block runs, and looks how late the last handled one is.

    `worst` is in seconds: from when a message was sent until it had been handled, of the latest of them.
    """

    def __init__(self, url: str, brokers: str, topic: str, records: Iterable[Record], rate: int) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._before = handled(self._connection)
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5})
        self._topic = topic
        self._records = iter(records)
        self._rate = rate
        self._done = Event()
        self._threads = [Thread(target=self._send, daemon=True), Thread(target=self._watch, daemon=True)]
        self.sent_at: Sequence[float] = []
        self.worst = 0.0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        self._connection.close()

    def _send(self) -> None:
        began = time.monotonic()
        sent_at: list[float] = []
        self.sent_at = sent_at
        while not self._done.wait(_TICK):
            due = int((time.monotonic() - began) * self._rate)
            while len(sent_at) < due:
                record = next(self._records)
                self._producer.produce(self._topic, record.value, record.key)
                sent_at.append(time.monotonic())
            self._producer.poll(0)
        self._producer.flush(10)

    def _watch(self) -> None:
        """As if there were one partition: who is handled at the same rate on each is as late."""
        while not self._done.wait(_TICK * 5):
            oldest = handled(self._connection) - self._before
            if oldest < len(self.sent_at):
                self.worst = max(self.worst, time.monotonic() - self.sent_at[oldest])
