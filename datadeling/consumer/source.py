"""Reads the partitions that the group gives us. What only asks the broker something is in `topic`.

Offsets come from the database, never from Kafka: partitions are assigned paused, and read only once `start`
has said from where. The callbacks of a rebalance take notes and do nothing that can fail: an exception in
one comes out of `consume()`.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from threading import Thread

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import made, reader_settings, to_message
from datadeling.pipeline.message import Message

_LEAVE = 3.0  # seconds that leaving the group may take

log = structlog.get_logger(__name__)


class Source:
    """The partitions of one topic that the group has given us. For one thread.

    Who does not call `fetch` for `max_poll_interval` seconds loses them to others, and joins anew with the
    next call.
    """

    def __init__(self, config: KafkaConfig, *, max_poll_interval: float = 60.0) -> None:
        self._topic = config.topic
        self._config = config
        self._max_poll_interval = max_poll_interval
        self._told: set[str] = set()
        self._waiting: set[int] = set()
        self._owned: set[int] = set()
        self._revoked: set[int] = set()
        self._given_up = False
        self._left = False
        self._consumer = self._member()

    def subscribe(self) -> None:
        """Join the group; partitions come in later, during `fetch`."""
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    @property
    def waiting(self) -> frozenset[int]:
        """Partitions that are ours and do not run, because `start` has to say from where."""
        return frozenset(self._waiting)

    @property
    def owned(self) -> frozenset[int]:
        """Partitions that are ours, running or not."""
        return frozenset(self._owned)

    def take_revoked(self) -> set[int]:
        """Partitions taken from us since the last call: whatever is held of them is to be dropped."""
        revoked, self._revoked = self._revoked, set()
        return revoked

    def fetch(self, limit: int, timeout: float) -> list[Message]:
        """At most `limit` messages, after at most `timeout` seconds; maybe none. Keeps us in the group.

        A partition whose offset the broker does not know joins `waiting`.
        """
        messages: list[Message] = []
        for message in self._consumer.consume(limit, timeout):
            error = message.error()
            if error is None:
                messages.append(to_message(message))
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 (its public name)
                self.hold({to_message(message).partition})
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                self._on_error(error)
        if self._given_up:
            self._join_anew()
        return messages

    def start(self, partition: int, offset: int) -> None:
        """Read a partition of ours from `offset` on."""
        if partition not in self._owned:
            return
        self._waiting.discard(partition)
        place = TopicPartition(self._topic, partition, offset)
        try:
            self._consumer.seek(place)
        except KafkaException:
            # A fetcher that has stopped on an unknown offset cannot be sought, only made anew.
            self._consumer.incremental_unassign([place])
            self._consumer.incremental_assign([place])
        self._consumer.resume([place])

    def hold(self, partitions: Collection[int]) -> None:
        """Stop reading these partitions until `start` says from where."""
        ours = self._owned.intersection(partitions)
        self._waiting |= ours
        self._consumer.pause([TopicPartition(self._topic, p) for p in ours])

    def pause(self) -> None:
        """Stop reading everything, and stay in the group as long as `fetch` is called."""
        self._consumer.pause([TopicPartition(self._topic, p) for p in self._running()])

    def resume(self) -> None:
        """Go on reading where `pause` stopped."""
        self._consumer.resume([TopicPartition(self._topic, p) for p in self._running()])

    def known_high(self, partition: int) -> int | None:
        """The high watermark as the last fetch brought it; asks nobody."""
        with suppress(KafkaException):
            answer = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if answer[1] >= 0:
                return int(answer[1])
        return None

    def trouble_is_over(self) -> None:
        """The broker answers: should the same trouble come again, it is told again."""
        self._told.clear()

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Tell Kafka's lag tools where we stand. Only for information: what it answers is ignored."""
        places = [TopicPartition(self._topic, p, o) for p, o in offsets.items() if p in self._owned]
        with suppress(KafkaException):
            if places:
                self._consumer.commit(offsets=places, asynchronous=True)

    def close(self) -> None:
        """Leave the group, so that others take over at once. Gives up after 3 s: then they wait for 6 s.

        librdkafka itself waits for minutes when a broker falls silent with a commit on its way to it.
        Calling again is safe.
        """
        if self._left:
            return
        self._left = True
        leaving = Thread(target=self._leave, name="leave the group", daemon=True)
        leaving.start()
        leaving.join(_LEAVE)
        if leaving.is_alive():
            log.warning("group_not_left")

    def _member(self) -> Consumer:
        """A new member of the group.

        A static one, by a name of its own: when the broker has been away for longer than the session, it
        takes its old place at once. Another one would wait for 6 s until the old place is given up.
        """
        settings = {
            **reader_settings(self._config),
            "group.id": self._config.group_id,
            "group.instance.id": secrets.token_hex(8),
            "auto.offset.reset": "error",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 2_000,
            # As long as liveness lets a turn take. A loop that stands still any longer gives its partitions
            # to others; should it wake up, the compare-and-set of the offsets stops it.
            "max.poll.interval.ms": round(self._max_poll_interval * 1_000),
        }
        return made(Consumer, settings, error_cb=self._on_error)

    def _leave(self) -> None:
        # A static member says nothing when it is closed: it leaves by giving its subscription up.
        self._consumer.unsubscribe()
        while self._owned:
            self._consumer.consume(1, 0.1)
        self._consumer.close()

    def _join_anew(self) -> None:
        """Be another member: librdkafka takes some answers of the group for final, and gives up for good."""
        log.warning("group_joined_anew")
        self._given_up = False
        self._revoked |= self._owned
        self._owned, self._waiting = set(), set()
        given_up, self._consumer = self._consumer, self._member()
        Thread(target=given_up.close, name="leave the group", daemon=True).start()
        self.subscribe()

    def _running(self) -> Iterable[int]:
        return self._owned - self._waiting

    def _on_error(self, error: KafkaError) -> None:
        """Tell a kind of trouble once, not at each of librdkafka's tries; addresses and causes, no values."""
        self._given_up |= error.code() == KafkaError._FATAL  # noqa: SLF001
        if error.name() not in self._told:
            self._told.add(error.name())
            log.warning("broker_error", error=error.name(), cause=error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing is read before `start`. A number, be it one that the topic has not: the end or the beginning
        # would have to be asked for, and librdkafka asks again half a second after an answer that `start` has
        # overtaken, and moves the running partition there. What lies between would be lost.
        places = [TopicPartition(p.topic, p.partition, 0) for p in partitions]
        consumer.incremental_assign(places)
        consumer.pause(places)
        self._owned |= {p.partition for p in partitions}
        self._waiting |= {p.partition for p in partitions}

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is not self._consumer:
            return  # from a member that has been replaced, and whose partitions may be ours again
        gone = {p.partition for p in partitions}
        self._owned -= gone
        self._waiting -= gone
        self._revoked |= gone
