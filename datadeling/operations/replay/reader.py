"""Read ranges of offsets, outside every consumer group. Commits no offsets."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import READER_SETTINGS, create_client, to_message
from datadeling.errors import BrokerUnavailable, TopicChanged
from datadeling.pipeline.message import Message


class Reader:
    """The messages in a range of offsets of each partition, in its order. For one thread.

    `positions`: by partition, the offset before which every message has been returned. Messages that
    retention has removed from the beginning of a range are passed over.
    """

    def __init__(self, config: KafkaConfig, ranges: Mapping[int, range]) -> None:
        self.positions = {partition: offsets.start for partition, offsets in ranges.items()}
        self._topic = config.topic
        self._ends = {partition: offsets.stop for partition, offsets in ranges.items()}
        self._errors: list[str] = []
        settings = {
            **READER_SETTINGS,
            "group.id": "datadeling-replay",  # required; without a subscription no group is created
            # For an offset that retention has removed: continue with the oldest message there is.
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
        self._consumer = create_client(Consumer, config, settings, error_cb=self._on_error)
        self._consumer.assign([TopicPartition(config.topic, p, r.start) for p, r in ranges.items() if r])

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
        messages: list[Message] = []
        # consume() waits for the full number until its timeout: never request more than there are.
        for fetched in self._consumer.consume(min(limit, self.left), timeout):
            error = fetched.error()
            if error is None:
                message = to_message(fetched)
                partition, reached = message.partition, message.offset + 1
                if self.positions[partition] < reached <= self._ends[partition]:
                    messages.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 (its public name)
                partition, reached = fetched.partition() or 0, fetched.offset() or 0
                if reached < (end := self._ends[partition]):
                    raise TopicChanged(f"partition {partition} ends at {reached}, before {end}")
            else:
                self._on_error(error)
                continue
            end = self._ends[partition]
            self.positions[partition] = max(self.positions[partition], min(reached, end))
            if reached >= end:
                self._consumer.pause([TopicPartition(self._topic, partition)])
        if not messages and self._errors and self.left:
            raise BrokerUnavailable(self._errors[-1])
        return messages

    def close(self) -> None:
        """Close the connection to the broker."""
        self._consumer.close()

    def _on_error(self, error: KafkaError) -> None:
        self._errors.append(error.name())
