"""Gathers messages until there are many enough or the first has waited long enough. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress

from datadeling.pipeline.message import Decoded, Message

_MOST_BYTES = 16 * 1024 * 1024
_AT_ONCE = 100
_UNKNOWN = 1024 * 1024  # as large as a broker takes a message, if nobody tells it otherwise


@dataclass(slots=True)
class Batch:
    """At most `size` messages, ready when full or `wait` seconds after the first came in.

    Full is also what holds `most_bytes`: messages may be 1,000 times as large as they mostly are. `spare` is
    how many more there is room for, should it be ready before anybody can take it.
    """

    size: int
    wait: float
    most_bytes: int = _MOST_BYTES
    spare: int = 0
    _messages: list[Message] = field(default_factory=list)
    _readings: list[Decoded] = field(default_factory=list)  # of the first of them
    _began: float = 0.0
    _bytes: int = 0
    _partitions: set[int] = field(default_factory=set)
    _largest: int = _UNKNOWN

    @property
    def room(self) -> int:
        """How many more messages to take in at once, should they be as large as the last ones."""
        bytes_left = self.most_bytes - self._bytes
        if bytes_left <= 0:
            return 0
        places_left = self.size + self.spare - len(self._messages)
        return min(places_left, _AT_ONCE, bytes_left // self._largest + 1)

    @property
    def is_full(self) -> bool:
        """True when nothing more is to be taken in."""
        return self.room <= 0

    @property
    def messages(self) -> tuple[Message, ...]:
        """What has been gathered, in the order it came."""
        return tuple(self._messages)

    @property
    def run(self) -> list[tuple[Message, Decoded]]:
        """The same, as far as they have been read, with what each came to."""
        return list(zip(self._messages, self._readings, strict=False))

    @property
    def partitions(self) -> set[int]:
        """The partitions that the gathered messages come from."""
        return set(self._partitions)

    def add(self, messages: Collection[Message], now: float) -> None:
        """Take messages in; `now` is in seconds of a clock that only runs forward."""
        if not self._messages:
            self._began = now
        self._messages.extend(messages)
        self._partitions.update(melding.partition for melding in messages)
        sizes = _sizes(messages)
        self._bytes += sum(sizes)
        self._largest = max(sizes, default=self._largest) or 1

    def read(self, read: Callable[[Sequence[Message]], Iterable[Decoded]]) -> None:
        """Have those read that have not been; `read` answers with a reading for each, in their order."""
        if unread := self._messages[len(self._readings) :]:
            self._readings.extend(read(unread))

    def put_back(self, messages: Collection[Message]) -> None:
        """Take in before all others what had been taken out to be written, and was not.

        All are to be read again: the time of a reading is when its message counts as received.
        """
        self._messages[:0] = messages
        self._readings = []
        self._partitions.update(melding.partition for melding in messages)
        self._bytes += sum(_sizes(messages))

    def ready(self, now: float, *, is_all: bool = False) -> bool:
        """True when it is time to write; never for nothing.

        With `is_all` nobody is waited for: these are the last of many, not the first of some that trickle in.
        """
        if not self._messages:
            return False
        return is_all or len(self._messages) >= self.size or self.is_full or self.patience(now) <= 0

    def patience(self, now: float) -> float:
        """How many seconds may pass before a look at `ready` is due."""
        return max(0.0, self._began + self.wait - now) if self._messages else self.wait

    def drop(self, partitions: Collection[int]) -> None:
        """Forget the messages of these partitions: they are another consumer's now, or to be read again."""
        if partitions:
            kept = [m.partition not in partitions for m in self._messages]
            self._messages = list(compress(self._messages, kept))
            self._readings = list(compress(self._readings, kept))
            self._partitions.difference_update(partitions)
            self._bytes = sum(_sizes(self._messages))

    def clear(self) -> None:
        """Forget everything: it has been written."""
        self._messages = []
        self._readings = []
        self._partitions = set()
        self._bytes = 0


def _sizes(messages: Iterable[Message]) -> list[int]:
    return [len(melding.value or b"") for melding in messages]
