"""Rows that statements return, with their columns in order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from datadeling.domain.hendelse import Place


class OffsetRow(NamedTuple):
    """The position of a partition, and when it was last moved."""

    partition: int
    generation: int
    next_offset: int
    unreadable_in_a_row: int
    topic_id: str | None
    historikk_fra: datetime
    updated_at: datetime


class FailedRow(NamedTuple):
    """A parked message without its value."""

    generation: int
    kafka_partition: int
    kafka_offset: int
    state: str
    reason: str
    message: str
    attempts: int
    key: bytes | None
    value_bytes: int | None
    hendelse_tidspunkt: datetime
    created_at: datetime
    updated_at: datetime

    @property
    def place(self) -> Place:
        """The place on the topic."""
        return Place(self.generation, self.kafka_partition, self.kafka_offset)


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


class Reading(NamedTuple):
    """The lookups of one consumer with the same call, purposes and fields, as totals. Names no person.

    `consumer` is the client's id, `consumer_name` its newest name. `behandlingsnummer` (empty over GraphQL)
    and `felter` are sorted. `lookups` counts the answered calls, `hits` the avtaler in their answers,
    `persons` the different identity numbers (two of one person count twice), and `users` the different users
    on whose behalf the consumer called.
    """

    consumer: str
    consumer_name: str | None
    endpoint: str
    behandlingsnummer: Sequence[str]
    felter: Sequence[str]
    lookups: int
    persons: int
    hits: int
    users: int
    first: datetime
    last: datetime


class PersonLookup(NamedTuple):
    """One lookup of a person, who is not named.

    `nav_ident` is the user on whose behalf the consumer called. `asked_for` is False when the request named
    no person, and this one was in the answer. `call_id` is that of the logs.
    """

    tidspunkt: datetime
    consumer: str
    consumer_name: str | None
    nav_ident: str | None
    endpoint: str
    behandlingsnummer: Sequence[str]
    felter: Sequence[str]
    asked_for: bool
    call_id: str
