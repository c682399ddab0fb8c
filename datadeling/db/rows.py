"""Rows that statements return, with their columns in order."""

from datetime import datetime
from typing import Any, NamedTuple


class Parked(NamedTuple):
    """The number of parked messages in a state, and the age of the oldest in seconds."""

    messages: int
    oldest: float


class ReplayRow(NamedTuple):
    """A replay: its request and its state. `held`: a process runs it right now."""

    id: int
    topic: str
    state: str
    background: bool
    from_offsets: dict[str, int] | None
    from_time: datetime | None
    to_offsets: dict[str, int] | None
    to_time: datetime | None
    avtale_id: str | None
    rate: int | None
    requested_by: str
    reason: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    held: bool

    @property
    def standing(self) -> str:
        """The state to show: the row still says `running` after its process was killed."""
        return "interrupted" if self.state == "running" and not self.held else self.state


class PartitionProgress(NamedTuple):
    """The offsets that a replay reads of one partition, and how far it has come.

    `events`: number of messages read. `tally`: their outcomes, as `Tally.as_dict` returns them.
    """

    partition: int
    generation: int
    from_offset: int
    next_offset: int
    to_offset: int
    events: int
    tally: dict[str, Any]
    updated_at: datetime
