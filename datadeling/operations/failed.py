"""Parked messages, as an operator sees and handles them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.db.operator import FailedRow
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
from datadeling.ingest.fold import Outcome
from datadeling.ingest.retry import Retry
from datadeling.operations.asked import Asked

RETRYABLE = ("new", "superseded")
"""The states in which a message still has its value."""


class Shown(NamedTuple):
    """A parked message with its value; the value is personal data."""

    row: FailedRow
    value: bytes | None


class FailedMessages:
    """The parked messages of one topic. Every method can raise `DatabaseUnavailable`."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def listed(self, state: str | None, reason: str | None, limit: int) -> list[FailedRow]:
        """Those in this state and with this reason code, in the order of their places; None is any."""
        with self._database.transaction() as tx:
            return tx.operator.failed(self._topic, state, reason, limit)

    def show(self, place: Place, unmask: Asked | None = None) -> Shown:
        """One of them. Raise `NotFound`. Who wants to see the value as it is leaves a record of it first."""
        with self._database.transaction() as tx:
            found = tx.operator.failed_at(self._topic, place)
            if found is None:
                raise NotFound(f"there is no failed message {place.text}")
            if unmask:
                unmask.keep(tx, "failed show --unmask", place.text)
        if unmask:
            unmask.tell("failed show --unmask", place.text)
        return Shown(*found)

    def retry(self, place: Place) -> Outcome:
        """Try one once more. Raise `NotFound` when it is not there, or has been handled."""
        outcomes = Retry(self._database, self._topic).one(place, RETRYABLE)
        if not outcomes:
            raise NotFound(f"{place.text}: {self._why_not(place)}")
        return next(iter(outcomes))

    def retry_all(self) -> Counter[Outcome]:
        """Try all that have not been handled once more, partition by partition in the order of the log."""
        with self._database.transaction() as tx:
            partitions: Sequence[int] = tx.operator.partitions_with_failed(self._topic)
        retry = Retry(self._database, self._topic)
        return sum((retry.partition(p, RETRYABLE) for p in partitions), Counter[Outcome]())

    def discard(self, place: Place, asked: Asked) -> None:
        """Let one go for good, with its value. Raise `NotFound` when it is not there, or has been handled."""
        with self._database.transaction() as tx:
            tx.lock_partition(self._topic, place.partition)
            discarded = tx.operator.discard(self._topic, place)
            if discarded:
                asked.keep(tx, "failed discard", place.text)
        if not discarded:
            raise NotFound(f"{place.text}: {self._why_not(place)}")
        asked.tell("failed discard", place.text)

    def _why_not(self, place: Place) -> str:
        return f"it has been {self.show(place).row.state} already"
