"""Gathers messages until there are many enough or the first has waited long enough. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from datadeling.ingest.melding import Melding


@dataclass(slots=True)
class Batch:
    """At most `size` messages, ready when full or `wait` seconds after the first came in."""

    size: int
    wait: float
    _messages: list[Melding] = field(default_factory=list)
    _began: float = 0.0

    @property
    def room(self) -> int:
        """How many more messages fit."""
        return self.size - len(self._messages)

    @property
    def messages(self) -> tuple[Melding, ...]:
        """What has been gathered, in the order it came."""
        return tuple(self._messages)

    @property
    def partitions(self) -> set[int]:
        """The partitions that the gathered messages come from."""
        return {melding.partition for melding in self._messages}

    def add(self, messages: Iterable[Melding], now: float) -> None:
        """Take messages in; `now` is in seconds of a clock that only runs forward."""
        if not self._messages:
            self._began = now
        self._messages.extend(messages)

    def ready(self, now: float) -> bool:
        """True when it is time to write; never for nothing."""
        if not self._messages:
            return False
        return self.room <= 0 or self.patience(now) <= 0

    def patience(self, now: float) -> float:
        """How many seconds may pass before a look at `ready` is due."""
        return max(0.0, self._began + self.wait - now) if self._messages else self.wait

    def drop(self, partitions: Collection[int]) -> None:
        """Forget the messages of these partitions: they are another consumer's now, or to be read again."""
        self._messages = [m for m in self._messages if m.partition not in partitions]

    def clear(self) -> None:
        """Forget everything: it has been written."""
        self._messages = []
