"""Collect messages until there are enough, or the first has waited long enough. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from itertools import compress

from datadeling.pipeline.message import Decoded, Message

_MAX_BYTES = 16 * 1024 * 1024
_MAX_FETCH = 100  # messages
_DEFAULT_MAX_MESSAGE = 1024 * 1024  # bytes; the broker's default limit


@dataclass(slots=True)
class Batch:
    """Up to `size` messages, ready when full or `wait` seconds after the first came in.

    A batch of `most_bytes` is full, too: a message may be 1,000 times as large as usual. `spare`: how many
    more it may hold while the previous batch is being written. `decoded`: the results of reading them.
    """

    size: int
    wait: float
    most_bytes: int = _MAX_BYTES
    spare: int = 0
    messages: list[Message] = field(default_factory=list)
    decoded: list[Decoded] = field(default_factory=list)
    _began: float = 0.0
    _bytes: int = 0
    _partitions: set[int] = field(default_factory=set)
    _largest: int = _DEFAULT_MAX_MESSAGE

    @property
    def room(self) -> int:
        """Number of messages to fetch next, if they are as large as the largest of the last fetch."""
        bytes_left = self.most_bytes - self._bytes
        if bytes_left <= 0:
            return 0
        places_left = self.size + self.spare - len(self.messages)
        return max(0, min(places_left, _MAX_FETCH, bytes_left // self._largest + 1))

    def add(self, messages: Collection[Message], now: float, decoded: Iterable[Decoded] = ()) -> None:
        """Append messages; `now` is in seconds of a monotonic clock."""
        if not self.messages:
            self._began = now
        self.messages.extend(messages)
        self.decoded.extend(decoded)
        self._partitions.update(message.partition for message in messages)
        sizes = [len(message.value or b"") for message in messages]
        self._bytes += sum(sizes)
        self._largest = max(sizes, default=self._largest) or 1

    def ready(self, now: float, *, is_all: bool = False) -> bool:
        """Return True when it is time to write: with `is_all` whatever there is. Never for an empty batch."""
        is_full = len(self.messages) >= self.size or not self.room
        return bool(self.messages) and (is_all or is_full or self.time_left(now) <= 0)

    def time_left(self, now: float) -> float:
        """Return the seconds until the batch has waited long enough."""
        return max(0.0, self._began + self.wait - now) if self.messages else self.wait

    def keep(self, partitions: Collection[int]) -> None:
        """Drop the messages of all other partitions: they will be read again, here or elsewhere."""
        if self._partitions.difference(partitions):
            kept = [message.partition in partitions for message in self.messages]
            self.messages = list(compress(self.messages, kept))
            self.decoded = list(compress(self.decoded, kept))
            self._partitions.intersection_update(partitions)
            self._bytes = sum(len(message.value or b"") for message in self.messages)

    def clear(self) -> None:
        """Begin the next batch."""
        self.messages, self.decoded = [], []
        self._partitions = set()
        self._bytes = 0
