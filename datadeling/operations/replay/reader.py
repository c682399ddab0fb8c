"""Read ranges of a topic's partitions, outside every consumer group. Commits no offsets."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import create_client, reader_settings, to_message
from datadeling.errors import BrokerUnavailable, TopicChanged
from datadeling.operations.replay.jobs import Range
from datadeling.pipeline.message import Message

_GROUP = "datadeling-replay"  # librdkafka requires a name; without a subscription no group is created


class Reader:
    """The messages of some ranges, each partition's in its order. For one thread.

    A range is done when the position reaches its end: offsets have holes. Messages that retention has removed
    from its beginning are passed over.
    """

    def __init__(self, config: KafkaConfig, ranges: Mapping[int, Range]) -> None:
        self._topic = config.topic
        self._ends = {partition: range_.end for partition, range_ in ranges.items()}
        self._positions = {partition: range_.start for partition, range_ in ranges.items()}
        self._errors: list[str] = []
        self._consumer = create_client(Consumer, _settings(config), error_cb=self._on_error)
        self._consumer.assign(
            [self._place(p, range_.start) for p, range_ in ranges.items() if range_.start < range_.end]
        )

    @property
    def positions(self) -> Mapping[int, int]:
        """By partition, the offset before which every message has been returned."""
        return self._positions

    @property
    def done(self) -> bool:
        """True when every range has been read."""
        return all(at >= self._ends[partition] for partition, at in self._positions.items())

    def fetch(self, limit: int, timeout: float) -> list[Message]:
        """Return at most `limit` messages after at most `timeout` seconds; maybe none.

        Raise `BrokerUnavailable` (calling again continues where it stopped), `TopicChanged` when a partition
        ends before its range does.
        """
        self._errors.clear()
        # consume() waits for the full number until its timeout: never request more than there are.
        limit = min(limit, sum(self._ends[partition] - at for partition, at in self._positions.items()))
        messages = [m for message in self._consumer.consume(limit, timeout) if (m := self._take(message))]
        if not messages and self._errors and not self.done:
            raise BrokerUnavailable(self._errors[-1])
        return messages

    def close(self) -> None:
        """Close the connection to the broker."""
        self._consumer.close()

    def _take(self, message: KafkaMessage) -> Message | None:
        error, partition, offset = message.error(), message.partition(), message.offset()
        at_end = error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 (its public name)
        if error and not at_end:
            self._errors.append(error.name())
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
        self._errors.append(error.name())


def _settings(config: KafkaConfig) -> dict[str, str | int | float | bool]:
    return {
        **reader_settings(config),
        "group.id": _GROUP,
        # For an offset that retention has removed: continue with the oldest message there is.
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
