"""What a replay is asked to read, and what that comes to. Knows no Kafka: the API asks for replays, too."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple


class Request(NamedTuple):
    """What is asked for; None is no bound. Offsets are by partition, and only those partitions are read.

    `avtale_id`: only the messages with this key, from the partitions on which they can be. `rate` is in
    messages a second.
    """

    from_offsets: Mapping[int, int] | None = None
    from_time: datetime | None = None
    to_offsets: Mapping[int, int] | None = None
    to_time: datetime | None = None
    avtale_id: str | None = None
    rate: int | None = None


class Range(NamedTuple):
    """From the offset `start` on, up to `end`, which does not belong to it."""

    start: int
    end: int


class Planned(NamedTuple):
    """The range of a partition, and the generation to which its offsets belong."""

    range: Range
    generation: int
