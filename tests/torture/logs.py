"""The messages of a run: a log for each partition, and a thread that sends them to the broker."""

import random
from collections import Counter
from datetime import timedelta
from threading import Event, Thread

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.hendelser import EPOCH, avtale_id
from tests.oracle import Entry
from tests.poison import FORMS, poisoned
from tests.strategies import to_message

Logs = list[list[Entry]]

_AVTALER = 400  # on each partition
_TOMBSTONES, _POISON = 0.03, 0.04
_LARGE = ("nested",)  # 200 kB each: one poisoned message in a hundred
_ROUND = 20  # messages on each partition
_NUMBER = "number"  # the header that says which entry of its log a message is
_TIMEOUT = 30.0  # seconds


def make_logs(rng: random.Random, partitions: int, length: int) -> Logs:
    """Create a log for each partition, with its own avtaler, duplicates, backward times and poison."""
    return [[_entry(rng, partitions, p, offset) for offset in range(length)] for p in range(partitions)]


def _entry(rng: random.Random, partitions: int, partition: int, offset: int) -> Entry:
    avtale = avtale_id(rng.randrange(_AVTALER) * partitions + partition + 1)
    time = EPOCH + timedelta(minutes=rng.randrange(1_000))
    kind = rng.random()
    if kind < _TOMBSTONES:
        return Entry(offset, avtale, time)
    if kind < _TOMBSTONES + _POISON:
        return poisoned(offset, avtale, time, _form(rng))
    return Entry(offset, avtale, time, rng.randrange(10), rng.choice("ABCDEFG"))


def _form(rng: random.Random) -> str:
    return rng.choice(_LARGE if rng.random() < 0.01 else sorted(FORMS.keys() - _LARGE))


class Sending:
    """Sends the logs on a thread of its own, spread evenly over so many seconds.

    A producer whose broker is killed can put a message on the topic twice, as the real one can. A header with
    the message's number lets `landed` identify it.
    """

    def __init__(self, brokers: str, topic: str, logs: Logs, seconds: float) -> None:
        self.delivered: Counter[int] = Counter()  # by partition: how many the broker has taken
        self._topic = topic
        self._logs = logs
        self._seconds = seconds
        self._broken_off = Event()
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "enable.idempotence": True,
                "message.timeout.ms": 2_147_483_647,
                "reconnect.backoff.max.ms": 200,
                "log_level": 0,
                "on_delivery": self._note,
            }
        )
        self._thread = Thread(target=self._send, daemon=True)

    def __enter__(self) -> "Sending":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._broken_off.set()
        self._thread.join()

    @property
    def events(self) -> int:
        """Number of events on all partitions."""
        return sum(map(len, self._logs))

    @property
    def going_on(self) -> bool:
        """True until the broker has acknowledged every message."""
        return self._thread.is_alive()

    def _send(self) -> None:
        length = max(map(len, self._logs))
        pause = self._seconds * _ROUND / length
        for at in range(0, length, _ROUND):
            for partition, log in enumerate(self._logs):
                for entry in log[at : at + _ROUND]:
                    self._put(partition, entry)
            self._producer.poll(0)
            if self._broken_off.wait(pause):
                break
        while self._producer.flush(0.2) and not self._broken_off.is_set():
            pass
        self._producer.purge()

    def _put(self, partition: int, entry: Entry) -> None:
        m = to_message(entry)
        milliseconds = int(m.timestamp.timestamp() * 1000)
        number: dict[str, str | bytes | None] = {_NUMBER: str(entry.offset)}
        while not self._broken_off.is_set():
            try:
                self._producer.produce(
                    self._topic, m.value, m.key, partition=partition, timestamp=milliseconds, headers=number
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _note(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.delivered[message.partition() or 0] += 1


def landed(brokers: str, topic: str, logs: Logs) -> Logs:
    """Return the entries as they stand on the topic, in order and with their real offsets."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "torture", "auto.offset.reset": "error"})
    try:
        return [_read_back(consumer, TopicPartition(topic, p, 0), log) for p, log in enumerate(logs)]
    finally:
        consumer.close()


def _read_back(consumer: Consumer, partition: TopicPartition, log: list[Entry]) -> list[Entry]:
    watermarks = consumer.get_watermark_offsets(partition, timeout=_TIMEOUT)
    assert watermarks is not None, "the broker does not answer"
    found: list[Entry] = []
    numbers: set[int] = set()
    consumer.assign([partition])
    while len(found) < watermarks[1]:
        message = consumer.poll(_TIMEOUT)
        assert message is not None, "the broker does not answer"
        assert message.error() is None, message.error()
        assert message.offset() == len(found), "the topic has holes"
        number = int(dict(message.headers() or [])[_NUMBER] or -1)
        numbers.add(number)
        found.append(log[number]._replace(offset=len(found)))
    consumer.unassign()
    assert len(numbers) == len(log), "the broker has lost acknowledged messages: this run is void"
    return found
