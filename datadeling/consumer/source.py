"""The member of the consumer group: fetches messages of the partitions that the group assigns to it.

Offsets come from the database, never from Kafka: partitions are assigned paused, and fetched once `start` has
given an offset. The callbacks of a rebalance only record it and do nothing that can fail: an exception in a
callback comes out of `consume()`.
"""

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Thread

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import READER_SETTINGS, create_client, to_message
from datadeling.pipeline.message import Message

_LEAVE_TIMEOUT = 3.0  # seconds

log = structlog.get_logger(__name__)


class Source:
    """The partitions of one topic that the group has assigned to us. For one thread.

    `owned`: these partitions, fetched or paused. `interrupted`: those whose fetched messages no longer count,
    because they have been revoked or the broker does not have their offset; the caller clears it. `fetch`
    must be called every `max_poll_interval` seconds. Otherwise the group gives the partitions to others, and
    the next call joins the group again.
    """

    def __init__(self, config: KafkaConfig, *, max_poll_interval: float = 60.0) -> None:
        self.owned: set[int] = set()
        self.interrupted: set[int] = set()
        self._topic = config.topic
        self._config = config
        self._max_poll_interval = max_poll_interval
        self._logged: set[str] = set()
        self._has_failed = False
        self._closed = False
        self._consumer = self._join()

    def fetch(self, limit: int, timeout: float) -> list[Message]:
        """Return up to `limit` messages, maybe none, after up to `timeout` seconds. Keeps us in the group."""
        messages: list[Message] = []
        for message in self._consumer.consume(limit, timeout):
            error = message.error()
            if error is None:
                messages.append(to_message(message))
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 (its public name)
                partition = to_message(message).partition
                self.pause({partition})
                self.interrupted.add(partition)
            elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                self._on_error(error)
        if messages:
            self._logged.clear()
        if self._has_failed:
            self._rejoin()
        return messages

    def start(self, partition: int, offset: int) -> None:
        """Fetch a partition of ours from `offset` on."""
        place = TopicPartition(self._topic, partition, offset)
        try:
            self._consumer.seek(place)
        except KafkaException:
            # A fetcher that has stopped at an unknown offset cannot seek: assign the partition again.
            self._consumer.incremental_unassign([place])
            self._consumer.incremental_assign([place])
        self._consumer.resume([place])

    def pause(self, partitions: Iterable[int]) -> None:
        """Fetch none of these until `start` gives an offset."""
        self._consumer.pause([TopicPartition(self._topic, p) for p in self.owned.intersection(partitions)])

    def high_watermark(self, partition: int) -> int | None:
        """Return the high watermark of the last fetch, if there is one. Does not block."""
        with suppress(KafkaException):
            place = TopicPartition(self._topic, partition)
            high = self._consumer.get_watermark_offsets(place, cached=True)[1]
            return int(high) if high >= 0 else None
        return None

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Commit offsets to Kafka, for lag tools only: errors are ignored. Does not block."""
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
        with suppress(KafkaException):
            if places:
                self._consumer.commit(offsets=places, asynchronous=True)

    def close(self) -> None:
        """Leave the group, so that others take over at once. Blocks for up to 3 s; calling again is safe.

        When that is not enough, the others wait for the session timeout. librdkafka's own `close` can block
        for minutes when a broker does not answer a commit.
        """
        if self._closed:
            return
        self._closed = True
        leaving = Thread(target=self._leave, name="leave the group", daemon=True)
        leaving.start()
        leaving.join(_LEAVE_TIMEOUT)
        if leaving.is_alive():
            log.warning("group_not_left")

    def _join(self) -> Consumer:
        """Join the group as a static member with a random id.

        When the broker has been away for longer than the session, a static member gets its place back at
        once. A dynamic one would have to wait for the session timeout of its old place.
        """
        settings = {
            **READER_SETTINGS,
            "group.id": self._config.group_id,
            "group.instance.id": secrets.token_hex(8),
            "auto.offset.reset": "error",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": 2_000,
            # The same limit as liveness. A loop that stands still for longer loses its partitions. If it
            # wakes up then, the compare-and-set of the offsets keeps it from writing.
            "max.poll.interval.ms": round(self._max_poll_interval * 1_000),
        }
        consumer = create_client(Consumer, self._config, settings, error_cb=self._on_error)
        changes = {"on_assign": self._on_assign, "on_revoke": self._on_revoke, "on_lost": self._on_revoke}
        consumer.subscribe([self._topic], **changes)
        return consumer

    def _leave(self) -> None:
        # `close` of a static member does not leave the group; giving up the subscription does.
        self._consumer.unsubscribe()
        while self.owned:
            self._consumer.consume(1, 0.1)
        self._consumer.close()

    def _rejoin(self) -> None:
        """Replace the member: after a fatal error librdkafka does not recover."""
        log.warning("group_joined_anew")
        self._has_failed = False
        self.interrupted |= self.owned
        self.owned = set()
        failed, self._consumer = self._consumer, self._join()
        Thread(target=failed.close, name="leave the group", daemon=True).start()

    def _on_error(self, error: KafkaError) -> None:
        """Log an error once, not at each of librdkafka's tries. Its text quotes addresses, never messages."""
        self._has_failed |= error.code() == KafkaError._FATAL  # noqa: SLF001
        if error.name() not in self._logged:
            self._logged.add(error.name())
            log.warning("broker_error", error=error.name(), cause=error.str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Assign paused: nothing is fetched before `start`. The offset must be a number, even one that the
        # topic does not have. For a symbolic offset (beginning, end) librdkafka would send a request, and a
        # late response could move a partition that `start` has already positioned: messages would be lost.
        places = [TopicPartition(p.topic, p.partition, 0) for p in partitions]
        consumer.incremental_assign(places)
        consumer.pause(places)
        self.owned |= {p.partition for p in partitions}

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if consumer is not self._consumer:
            return  # a member that has been replaced: its partitions may be ours again
        gone = {p.partition for p in partitions}
        self.owned -= gone
        self.interrupted |= gone
