"""Reads the topic in the order that its rules need. Knows the broker, and nothing of the tables."""

from collections.abc import Iterator, Mapping
from contextlib import closing

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic, Watermarks
from datadeling.domain.hendelse import Position
from datadeling.errors import TopicChanged
from datadeling.operations.replay.jobs import Range
from datadeling.operations.replay.reader import Reader
from datadeling.pipeline.message import Ended, Message

_AT_ONCE = 1_000
_WAIT = 0.5  # seconds; Ctrl-C is heard at the end of it

Ranges = Mapping[int, Range]


def in_order(config: KafkaConfig, ranges: Ranges, ended: Ended) -> Iterator[list[Message]]:
    """The messages of these ranges, those of an avtale in the order of the log; now and then an empty list.

    An avtale is on one partition as long as a generation lasts. So what lies in one generation is read before
    anything of the next, on all partitions. Blocks; raise `BrokerUnavailable`, `TopicChanged`.
    """
    for part in by_generation(ranges, ended):
        with closing(Reader(config, part)) as reader:
            while not reader.done:
                yield reader.fetch(_AT_ONCE, _WAIT)


def by_generation(ranges: Ranges, ended: Ended) -> list[Ranges]:
    """The ranges, cut where a generation ended; one part a generation, the present one last."""
    parts: list[dict[int, Range]] = []
    rest = dict(ranges)
    for generation in sorted({number for ends in ended.values() for number, _ in ends}):
        part: dict[int, Range] = {}
        for partition, (start, end) in rest.items():
            cut = min(end, max(start, dict(ended.get(partition, ())).get(generation, start)))
            part[partition], rest[partition] = Range(start, cut), Range(cut, end)
        parts.append(part)
    filled = (
        {p: range_ for p, range_ in part.items() if range_.start < range_.end} for part in [*parts, rest]
    )
    return [part for part in filled if part]


def watermarks(topic: Topic) -> dict[int, Watermarks]:
    """Where the log of each partition begins and ends. Blocks for 4 s a partition at most.

    Raise `BrokerUnavailable`.
    """
    return {partition: topic.watermarks(partition) for partition in topic.partitions()}


def refuse_beyond(positions: Mapping[int, Position], marks: Mapping[int, Watermarks]) -> None:
    """Raise `TopicChanged` when more of a partition has been handled than there is of it."""
    for partition, at in positions.items():
        high = marks[partition].high if partition in marks else 0
        if at.next_offset > high:
            raise TopicChanged(
                f"partition {partition} ends at {high}, and has been handled up to {at.next_offset}"
            )
