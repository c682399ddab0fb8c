"""Questions to the broker about the topic, and what its clients have in common. Decoded it is `source`."""

from collections.abc import Callable
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

_ASK = 2.0  # seconds: who asks for the live consumer has to go on soon

UNHURRIED = 10.0
"""Seconds that a question of an operator's may take."""
_LATEST_MS = 253_000_000_000_000  # in the year 9987

_T = TypeVar("_T")


class Watermarks(NamedTuple):
    """The first offset that a partition still has, and the one that its next message will get."""

    low: int
    high: int


class Topic:
    """One topic of the broker. Every question blocks for `patience` s at most.

    Each can raise `BrokerUnavailable`.
    """

    def __init__(self, config: KafkaConfig, patience: float = _ASK) -> None:
        self._name = config.topic
        self._patience = patience
        self._admin = made(AdminClient, kafka_settings(config))

    def identity(self) -> str:
        """What the broker calls this topic: another one after it was deleted and made anew, or elsewhere.

        `BrokerUnavailable` also when the broker has no such topic for us.
        """
        return str(self._description().topic_id)

    def partitions(self) -> list[int]:
        """The partitions that it has, in order."""
        return sorted(partition.id for partition in self._description().partitions)

    def watermarks(self, partition: int) -> Watermarks:
        """Where the log of a partition begins and ends."""
        low = self._offset(partition, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        high = self._offset(partition, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return Watermarks(low.offset, high.offset)

    def newest_timestamp(self, partition: int) -> datetime | None:
        """The greatest record time on a partition, None when it is empty."""
        newest = self._offset(partition, OffsetSpec.max_timestamp())  # type: ignore[no-untyped-call]
        return None if newest.timestamp < 0 else record_time(newest.timestamp)

    def offset_at(self, partition: int, time: datetime) -> int:
        """The first offset whose record time is not before `time`; beyond the last when there is none."""
        spec = OffsetSpec.for_timestamp(round(time.timestamp() * 1_000))
        found = self._offset(partition, spec)
        return found.offset if found.offset >= 0 else self.watermarks(partition).high

    def _description(self) -> TopicDescription:
        asked = self._admin.describe_topics(TopicCollection([self._name]), request_timeout=self._patience)
        answer: TopicDescription = _answered(asked[self._name].result)
        return answer

    def _offset(self, partition: int, spec: OffsetSpec) -> ListOffsetsResultInfo:
        place = TopicPartition(self._name, partition)
        asked = self._admin.list_offsets({place: spec}, request_timeout=self._patience)
        answer: ListOffsetsResultInfo = _answered(asked[place].result)
        return answer


def kafka_settings(config: KafkaConfig) -> dict[str, str | int | float | bool]:
    """How any client of ours reaches the brokers."""
    settings: dict[str, str | int | float | bool] = {
        "bootstrap.servers": config.brokers,
        "client.id": "datadeling",
        "reconnect.backoff.max.ms": 3_000,
        "log_level": 0,  # it would write to standard error itself, at every try
    }
    if config.tls:
        settings |= {
            "security.protocol": "ssl",
            "ssl.ca.location": str(config.tls.ca),
            "ssl.certificate.location": str(config.tls.certificate),
            "ssl.key.location": str(config.tls.private_key),
        }
    return settings


def reader_settings(config: KafkaConfig) -> dict[str, str | int | float | bool]:
    """How a consumer of ours reads: offsets are kept in the database, some 30 MiB are fetched ahead."""
    return {
        **kafka_settings(config),
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 32_768,
        # Else a queue that is full is left alone for a second, and we read it empty in half of one.
        "fetch.queue.backoff.ms": 20,
    }


def made(client: Callable[..., _T], settings: dict[str, Any], **more: object) -> _T:
    """A client with these settings. Raise `ConfigError` when it cannot be made."""
    try:
        return client(settings, **more)
    except KafkaException:  # everything else in the settings is ours
        names = "KAFKA_CA_PATH, KAFKA_CERTIFICATE_PATH, KAFKA_PRIVATE_KEY_PATH"
        raise ConfigError(f"{names}: these are not PEM files that fit together") from None


def record_time(milliseconds: int) -> datetime:
    """A record's timestamp. A producer sets it freely; what no calendar holds must not stop a partition."""
    if not 0 <= milliseconds <= _LATEST_MS:
        milliseconds = 0 if milliseconds < 0 else _LATEST_MS
    return datetime.fromtimestamp(milliseconds / 1_000, UTC)


def to_message(message: KafkaMessage) -> Message:
    """A message without an error, as `consume` returns it."""
    partition: int = message.partition()  # type: ignore[assignment]  # None is for messages to be sent
    offset: int = message.offset()  # type: ignore[assignment]
    return Message(partition, offset, record_time(message.timestamp()[1]), message.key(), message.value())


def _answered(result: Callable[[], _T]) -> _T:
    try:
        return result()
    except KafkaException as error:
        raise BrokerUnavailable(str(error.args[0].name())) from None
