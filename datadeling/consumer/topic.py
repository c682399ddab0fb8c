"""The broker's metadata about the topic, and the settings that every Kafka client of ours shares."""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ListOffsetsResultInfo,
    OffsetSpec,
    TopicDescription,
)

from datadeling.config import KafkaConfig
from datadeling.errors import BrokerUnavailable, ConfigError
from datadeling.pipeline.message import Message

_CONSUMER_TIMEOUT = 2.0  # seconds; the loop must soon fetch again

OPERATOR_TIMEOUT = 10.0
"""Seconds that a request for an operator may take."""

READER_SETTINGS = {
    "enable.auto.commit": False,  # the offsets are in the database
    "enable.auto.offset.store": False,
    "fetch.wait.max.ms": 100,
    "queued.max.messages.kbytes": 32_768,
    # By default librdkafka waits for a second when its queue is full; we empty it in half of that.
    "fetch.queue.backoff.ms": 20,
}
"""Settings of every consumer of ours."""

_LATEST_MS = 253_000_000_000_000  # in the year 9987

_T = TypeVar("_T")


class Watermarks(NamedTuple):
    """The first offset that a partition still has, and the one that its next message will get."""

    low: int
    high: int


class Topic:
    """One topic of the broker. Methods block for up to `timeout` s, and can raise `BrokerUnavailable`."""

    def __init__(self, config: KafkaConfig, timeout: float = _CONSUMER_TIMEOUT) -> None:
        self.name = config.topic
        self._timeout = timeout
        self._admin = create_client(AdminClient, config, {})

    def identity(self) -> str:
        """Return the broker's id of this topic, which changes when the topic is deleted and created anew."""
        return str(self._description().topic_id)

    def partitions(self) -> list[int]:
        """Return the topic's partitions, in order."""
        return sorted(partition.id for partition in self._description().partitions)

    def watermarks(self, partition: int) -> Watermarks:
        """Return the beginning and the end of a partition's log."""
        low = self._offset(partition, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = self._offset(partition, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return Watermarks(low.offset, high.offset)

    def newest_timestamp(self, partition: int) -> datetime | None:
        """Return the greatest record time on a partition, None when it is empty."""
        newest = self._offset(partition, OffsetSpec.max_timestamp())  # type: ignore[no-untyped-call]
        return None if newest.timestamp < 0 else _record_time(newest.timestamp)

    def offset_at(self, partition: int, time: datetime) -> int:
        """Return the first offset whose record time is not before `time`, else the high watermark."""
        found = self._offset(partition, OffsetSpec.for_timestamp(round(time.timestamp() * 1_000)))
        return found.offset if found.offset >= 0 else self.watermarks(partition).high

    def _description(self) -> TopicDescription:
        topics = TopicCollection([self.name])
        future: Future[TopicDescription]
        future = self._admin.describe_topics(topics, request_timeout=self._timeout)[self.name]
        return _result(future)

    def _offset(self, partition: int, spec: OffsetSpec) -> ListOffsetsResultInfo:
        place = TopicPartition(self.name, partition)
        future: Future[ListOffsetsResultInfo]
        future = self._admin.list_offsets({place: spec}, request_timeout=self._timeout)[place]
        return _result(future)


def _result(future: Future[_T]) -> _T:
    try:
        return future.result()
    except KafkaException as error:
        raise BrokerUnavailable(str(error.args[0].name())) from None


def create_client(
    client: Callable[..., _T], config: KafkaConfig, settings: dict[str, Any], **options: object
) -> _T:
    """Create a Kafka client with these settings. Raise `ConfigError` when the TLS files are invalid."""
    tls = (
        {
            "security.protocol": "ssl",
            "ssl.ca.location": str(config.tls.ca),
            "ssl.certificate.location": str(config.tls.certificate),
            "ssl.key.location": str(config.tls.private_key),
        }
        if config.tls
        else {}
    )
    always = {
        "bootstrap.servers": config.brokers,
        "client.id": "datadeling",
        "reconnect.backoff.max.ms": 3_000,
        "log_level": 0,  # librdkafka would write to standard error, at every try
    }
    try:
        return client({**always, **tls, **settings}, **options)
    except KafkaException:  # all other settings are ours
        names = "KAFKA_CA_PATH, KAFKA_CERTIFICATE_PATH, KAFKA_PRIVATE_KEY_PATH"
        raise ConfigError(f"{names}: these are not PEM files that fit together") from None


def to_message(message: KafkaMessage) -> Message:
    """Convert a message without an error, as `consume` returns it."""
    partition: int = message.partition()  # type: ignore[assignment]  # None is for messages to be sent
    offset: int = message.offset()  # type: ignore[assignment]
    return Message(partition, offset, _record_time(message.timestamp()[1]), message.key(), message.value())


def _record_time(milliseconds: int) -> datetime:
    """Return a record's timestamp as a datetime, within the calendar's range: producers set it freely."""
    return datetime.fromtimestamp(min(max(milliseconds, 0), _LATEST_MS) / 1_000, UTC)
