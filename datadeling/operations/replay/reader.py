"""Read ranges of a topic's partitions, outside every consumer group. Commits no offsets."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import READER_SETTINGS, create_client, to_message
from datadeling.errors import BrokerUnavailable, TopicChanged
from datadeling.operations.replay.jobs import Range
from datadeling.pipeline.message import Message


class Reader:
    """The messages of some ranges, each partition's in its order. For one thread.

    `positions`: by partition, the offset before which every message has been returned. Messages that
    retention has removed from the beginning of a range are passed over.
    """

    def __init__(self, config: KafkaConfig, ranges: Mapping[int, Range]) -> None:
        self.positions = {partition: range_.start for partition, range_ in ranges.items()}
        self._topic = config.topic
        self._ends = {partition: range_.end for partition, range_ in ranges.items()}
        self._errors: list[str] = []
        settings = {
            **READER_SETTINGS,
            "group.id": "datadeling-replay",  # required; without a subscription no group is created
            # For an offset that retention has removed: continue with the oldest message there is.
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
        self._consumer = create_client(Consumer, config, settings, error_cb=self._on_error)
        places = [TopicPartition(self._topic, p, r.start) for p, r in ranges.items() if r.start < r.end]
        self._consumer.assign(places)

    @property
    def left(self) -> int:
        """Number of offsets still to be read. Offsets have holes, so there may be fewer messages."""
        return sum(self._ends[partition] - at for partition, at in self.positions.items())

    def fetch(self, limit: int, timeout: float) -> list[Message]:
        """Return at most `limit` messages after at most `timeout` seconds; maybe none.

        Raise `BrokerUnavailable` (calling again continues where it stopped), `TopicChanged` when a partition
        ends before its range does.
        """
        self._errors.clear()
        # consume() waits for the full number until its timeout: never request more than there are.
        fetched = self._consumer.consume(min(limit, self.left), timeout)
        messages = [m for message in fetched if (m := self._take(message))]
        if not messages and self._errors and self.left:
            raise BrokerUnavailable(self._errors[-1])
        return messages

    def close(self) -> None:
        """Close the connection to the broker."""
        self._consumer.close()

    def _take(self, message: KafkaMessage) -> Message | None:
        error = message.error()
        at_end = error is not None and error.code() == KafkaError._PARTITION_EOF  # noqa: SLF001 (its public name)
        if error and not at_end:
            self._on_error(error)
            return None
        partition, offset = message.partition() or 0, message.offset() or 0
        end = self._ends[partition]
        if at_end and offset < end:
            raise TopicChanged(f"partition {partition} ends at {offset}, before {end}")
        if offset < self.positions[partition]:
            return None
        self.positions[partition] = min(offset if at_end else offset + 1, end)
        if self.positions[partition] == end:
            self._consumer.pause([TopicPartition(self._topic, partition)])
        return to_message(message) if offset < end else None

    def _on_error(self, error: KafkaError) -> None:
        self._errors.append(error.name())
