"""How far a replay has come, for who looks on."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from datadeling.operations.replay.partition import PartitionReplay


@dataclass(slots=True)
class Progress:
    """Of some ranges. Offsets count the holes of a compacted log, `events` does not."""

    parts: Sequence[PartitionReplay]
    _began: float = field(default_factory=time.monotonic)

    @property
    def total(self) -> int:
        """How many offsets there are to read, from where each partition was begun first."""
        return sum(part.end - part.first for part in self.parts)

    @property
    def left(self) -> int:
        """How many of them are still to be read."""
        return sum(part.end - part.at for part in self.parts)

    @property
    def events(self) -> int:
        """Messages read since it was begun or resumed."""
        return sum(part.events for part in self.parts)

    @property
    def per_second(self) -> float:
        """Messages read a second, on average."""
        return self.events / self._seconds

    @property
    def seconds_left(self) -> float | None:
        """By how fast it has been on average; None while nothing has been read."""
        read = sum(part.at - part.begun for part in self.parts)
        return self.left * self._seconds / read if read else None

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._began, 0.001)


Look = Callable[[Progress], None]
"""Is shown the progress, twice a second."""
