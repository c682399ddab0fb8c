"""Collect messages until there are enough, or the first has waited long enough. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress

from datadeling.pipeline.message import Decoded, Message

_MAX_BYTES = 16 * 1024 * 1024
_MAX_FETCH = 100  # messages
_DEFAULT_MAX_MESSAGE = 1024 * 1024  # bytes; the broker's default limit


@dataclass(slots=True)
class Batch:
    """Up to `size` messages, ready when full or `wait` seconds after the first came in.

    A batch of `most_bytes` is full, too: a message may be 1,000 times as large as usual. `spare` is how many
    more it may hold when it is ready before the previous batch has been written.
    """

    size: int
    wait: float
    most_bytes: int = _MAX_BYTES
    spare: int = 0
    _messages: list[Message] = field(default_factory=list)
    _decoded: list[Decoded] = field(default_factory=list)  # of the first of them
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
        places_left = self.size + self.spare - len(self._messages)
        return min(places_left, _MAX_FETCH, bytes_left // self._largest + 1)

    @property
    def is_full(self) -> bool:
        """True when there is no room for another message."""
        return self.room <= 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages, in the order they came."""
        return tuple(self._messages)

    @property
    def run(self) -> list[tuple[Message, Decoded]]:
        """The messages that have been read, each with the result."""
        return list(zip(self._messages, self._decoded, strict=False))

    @property
    def partitions(self) -> set[int]:
        """The partitions of the messages."""
        return set(self._partitions)

    def add(self, messages: Collection[Message], now: float) -> None:
        """Append messages; `now` is in seconds of a monotonic clock."""
        if not self._messages:
            self._began = now
        self._messages.extend(messages)
        self._partitions.update(message.partition for message in messages)
        sizes = _sizes(messages)
        self._bytes += sum(sizes)
        self._largest = max(sizes, default=self._largest) or 1

    def read(self, read: Callable[[Sequence[Message]], Iterable[Decoded]]) -> None:
        """Read the messages that have not been read; `read` returns one result for each, in order."""
        if unread := self._messages[len(self._decoded) :]:
            self._decoded.extend(read(unread))

    def put_back(self, messages: Collection[Message]) -> None:
        """Insert messages whose write has failed before all others.

        All messages have to be read again, because a message counts as received when it is read.
        """
        self._messages[:0] = messages
        self._decoded = []
        self._partitions.update(message.partition for message in messages)
        self._bytes += sum(_sizes(messages))

    def ready(self, now: float, *, is_all: bool = False) -> bool:
        """Return True when it is time to write. Never for an empty batch.

        With `is_all` the batch is not waited for: the end of a backlog has been reached.
        """
        if not self._messages:
            return False
        return is_all or len(self._messages) >= self.size or self.is_full or self.time_left(now) <= 0

    def time_left(self, now: float) -> float:
        """Return the seconds until the batch has waited long enough."""
        return max(0.0, self._began + self.wait - now) if self._messages else self.wait

    def drop(self, partitions: Collection[int]) -> None:
        """Remove the messages of these partitions: another consumer has them, or they will be read again."""
        if partitions:
            kept = [m.partition not in partitions for m in self._messages]
            self._messages = list(compress(self._messages, kept))
            self._decoded = list(compress(self._decoded, kept))
            self._partitions.difference_update(partitions)
            self._bytes = sum(_sizes(self._messages))

    def clear(self) -> None:
        """Remove all messages."""
        self._messages = []
        self._decoded = []
        self._partitions = set()
        self._bytes = 0


def _sizes(messages: Iterable[Message]) -> list[int]:
    return [len(message.value or b"") for message in messages]
