"""Read the topic so that the messages of one avtale come in the order of the log."""

from collections.abc import Iterator, Mapping
from contextlib import closing

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic, Watermarks
from datadeling.domain.hendelse import Position
from datadeling.errors import TopicChanged
from datadeling.operations.replay.jobs import Range
from datadeling.operations.replay.reader import Reader
from datadeling.pipeline.message import Ended, Message

_AT_ONCE = 1_000  # messages
_WAIT = 0.5  # seconds; Ctrl-C takes effect after it

Ranges = Mapping[int, Range]


def in_order(config: KafkaConfig, ranges: Ranges, ended: Ended) -> Iterator[list[Message]]:
    """Yield the messages of these ranges, those of one avtale in the order of the log; some lists are empty.

    An avtale is on one partition as long as a generation lasts. So every partition is read to the end of a
    generation before any is read on. Blocks. Raise `BrokerUnavailable`, `TopicChanged`.
    """
    for part in by_generation(ranges, ended):
        with closing(Reader(config, part)) as reader:
            while reader.left:
                yield reader.fetch(_AT_ONCE, _WAIT)


def by_generation(ranges: Ranges, ended: Ended) -> list[Ranges]:
    """Return the ranges, cut where a generation ended: one part for each, the current one last."""
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
    """Return where the log of each partition begins and ends. Blocks for 4 s a partition at most.

    Raise `BrokerUnavailable`.
    """
    return {partition: topic.watermarks(partition) for partition in topic.partitions()}


def refuse_beyond(positions: Mapping[int, Position], marks: Mapping[int, Watermarks]) -> None:
    """Raise `TopicChanged` when a position is beyond the end of its partition."""
    for partition, at in positions.items():
        high = marks[partition].high if partition in marks else 0
        if at.next_offset > high:
            raise TopicChanged(
                f"partition {partition} ends at {high}, and has been handled up to {at.next_offset}"
            )
