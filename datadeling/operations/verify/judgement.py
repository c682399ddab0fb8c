"""Categories of a row, compared with the topic, and which of them are faults. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from datadeling.domain.hendelse import Position
from datadeling.operations.verify.summary import (
    Summary,
    is_after,
    is_newer,
    place_of,
    same_state,
    unpack_place,
)
from datadeling.pipeline.message import Ended

Category = Literal[
    "equal", "missing", "different", "surplus", "in_flight", "topic_older", "parked", "beyond_log"
]

MEANINGS: Mapping[Category, str] = {
    "equal": "the row is what the topic says",
    "missing": "on the topic, and no row",
    "different": "the row is not what its newest message says",
    "surplus": "a row, and no message on the topic: a tombstone was lost",
    "in_flight": "has messages that the consumer had not handled yet",
    "topic_older": "the row is right; the topic has kept an older message, and cannot mend the row",
    "parked": "the newest message could not be used; the row is the last one that could, if there was one",
    "beyond_log": "its message is older than what the topic keeps: nobody can tell",
}
"""Every category, in the order they are shown."""

FAULTS: tuple[Category, ...] = ("missing", "different", "surplus")
"""Categories that somebody has to act on."""


@dataclass(frozen=True, slots=True)
class Log:
    """Bounds of the log: the live consumer's `positions`, the generations that `ended`, the low watermarks.

    `lows` lacks partitions that the broker does not have.
    """

    positions: Mapping[int, Position]
    ended: Ended
    lows: Mapping[int, int]

    def is_ahead(self, place: bytes) -> bool:
        """Return True unless the live consumer has certainly handled this place."""
        generation, partition, offset = unpack_place(place)
        at = self.positions.get(partition)
        return at is None or (generation, offset) >= (at.generation, at.next_offset)

    def has_dropped(self, place: bytes) -> bool:
        """Return True when retention has, or may have, removed the message at this place.

        When the offsets of its generation have lost their meaning, it may be gone if any partition has lost
        messages.
        """
        generation, partition, offset = unpack_place(place)
        low = self.lows.get(partition)
        if low is not None and generation in self._generations(partition):
            return offset < low
        return any(low > 0 for low in self.lows.values())

    def _generations(self, partition: int) -> set[int]:
        """Return the generations in which the offsets of this partition have their current meaning."""
        current = {self.positions[partition].generation} if partition in self.positions else set()
        return current | {generation for generation, _ in self.ended.get(partition, ())}


def judge(row: bytes, key: bytes, summary: Summary, log: Log) -> Category:
    """Return the category of a row, given as its fingerprint."""
    place = place_of(row)
    if key in summary.in_flight or log.is_ahead(place):
        return "in_flight"
    expected = summary.versions.get(key)
    if expected is None:
        return _without_version(place, key, summary, log)
    if place_of(expected) == place:
        return "equal" if same_state(row, expected) else "different"
    # A row that a tombstone should have taken is wrong however new it is.
    if is_newer(row, expected) and not summary.is_erased(key, place):
        return "topic_older"
    return "different"


def _without_version(place: bytes, key: bytes, summary: Summary, log: Log) -> Category:
    if summary.is_erased(key, place):
        return "surplus"
    unreadable = summary.unreadable.get(key)
    if unreadable is not None and is_after(unreadable, place):
        return "parked"
    return "beyond_log" if log.has_dropped(place) else "surplus"
