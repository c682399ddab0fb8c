"""In which generation a message was read, where offsets went on when a new one began. Pure."""

from collections.abc import Mapping, Sequence

Ended = Mapping[int, Sequence[tuple[int, int]]]
"""By partition, in order: generations that have ended, and the first offset beyond each."""


def generation_at(partition: int, offset: int, current: int, ended: Ended) -> int:
    """The generation in which the message at this offset was read; `current` is the partition's own."""
    for generation, end in ended.get(partition, ()):
        if offset < end:
            return generation
    return current
