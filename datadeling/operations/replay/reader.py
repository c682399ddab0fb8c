"""Reads ranges of a topic's partitions, as no member of any group. Moves nobody's offsets."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import made, reader_settings, to_message
from datadeling.errors import BrokerUnavailable, TopicChanged
from datadeling.operations.replay.request import Range
from datadeling.pipeline.message import Message

_NOBODY = "datadeling-replay"  # librdkafka wants a name; without a subscription no such group comes to be


class Reader:
    """The messages of some ranges, each partition's in its order. For one thread.

    A range has been read when the position reaches its end: offsets have holes. What the topic has dropped
    at the beginning of a range is passed over.
    """

    def __init__(self, config: KafkaConfig, ranges: Mapping[int, Range]) -> None:
        self._topic = config.topic
        self._ends = {partition: range_.end for partition, range_ in ranges.items()}
        self._positions = {partition: range_.start for partition, range_ in ranges.items()}
        self._trouble: list[str] = []
        self._consumer = made(Consumer, _settings(config), error_cb=self._on_error)
        ahead = [self._place(p, range_.start) for p, range_ in ranges.items() if range_.start < range_.end]
        self._consumer.assign(ahead)

    @property
    def positions(self) -> Mapping[int, int]:
        """By partition, the offset before which everything has been handed out."""
        return self._positions

    @property
    def done(self) -> bool:
        """True when all ranges have been read."""
        return all(at >= self._ends[partition] for partition, at in self._positions.items())

    def fetch(self, limit: int, timeout: float) -> list[Message]:
        """At most `limit` messages, after at most `timeout` seconds; maybe none.

        Raise `BrokerUnavailable` (calling again goes on where it stopped), `TopicChanged` when the topic ends
        before a range does.
        """
        self._trouble.clear()
        messages = [m for message in self._consumer.consume(limit, timeout) if (m := self._take(message))]
        if not messages and self._trouble and not self.done:
            raise BrokerUnavailable(self._trouble[-1])
        return messages

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _take(self, message: KafkaMessage) -> Message | None:
        error, partition, offset = message.error(), message.partition(), message.offset()
        at_end = error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 (its public name)
        if error and not at_end:
            self._trouble.append(error.name())
        if partition is None or offset is None or (error and not at_end):
            return None
        end, at = self._ends[partition], self._positions[partition]
        if at_end and offset < end:
            raise TopicChanged(f"partition {partition} ends at {offset}, before {end}")
        if offset < at:
            return None
        reached = offset if at_end else offset + 1
        self._positions[partition] = min(reached, end)
        if reached >= end:
            self._consumer.pause([self._place(partition)])
        return to_message(message) if offset < end else None

    def _place(self, partition: int, offset: int = -1) -> TopicPartition:
        return TopicPartition(self._topic, partition, offset)

    def _on_error(self, error: KafkaError) -> None:
        self._trouble.append(error.name())


def _settings(config: KafkaConfig) -> dict[str, str | int | float | bool]:
    return {
        **reader_settings(config),
        "group.id": _NOBODY,
        # Of an offset that the topic has no longer: what it still has comes after it.
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
