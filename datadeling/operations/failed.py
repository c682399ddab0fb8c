"""Parked messages, as an operator sees and handles them."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.db.tables.operator import FailedRow
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound, TooLate
from datadeling.operations.action import OperatorAction
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.retry import Retry

RETRYABLE = ("new", "superseded")
"""The states in which a message still has its value."""


class Shown(NamedTuple):
    """A parked message with its value; the value is personal data."""

    row: FailedRow
    value: bytes | None


class Retried(NamedTuple):
    """What a retry of many came to. `left_off`: the last one that was tried, None when there are no more."""

    outcomes: Counter[Outcome]
    left_off: Place | None


class FailedMessages:
    """The parked messages of one topic. Every method can raise `DatabaseUnavailable`."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def listed(self, state: str | None, reason: str | None, limit: int) -> list[FailedRow]:
        """Those in this state and with this reason code, in the order of their places; None is any."""
        with self._database.transaction() as tx:
            return tx.operator.failed(self._topic, state, reason, limit)

    def show(self, place: Place, unmask: OperatorAction | None = None) -> Shown:
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

    def retry(self, place: Place, asked: OperatorAction) -> Outcome:
        """Try one once more. Raise `NotFound`, or `TooLate` when it has been handled."""
        retry = Retry(self._database, self._topic, _record(asked, "failed retry", place.text))
        outcomes = retry.one(place, RETRYABLE)
        if not outcomes:
            raise TooLate(f"{place.text}: {self._why_not(place)}")
        asked.tell("failed retry", place.text)
        return next(iter(outcomes))

    def retry_all(
        self, asked: OperatorAction, after: Place | None = None, enough: Callable[[], bool] = lambda: False
    ) -> Retried:
        """Try all that have not been handled once more, partition by partition in the order of the log.

        Begins behind `after`, where another one has left off; leaves off itself as soon as it is `enough`,
        which is asked after every few hundred of them.
        """
        outcomes: Counter[Outcome] = Counter()
        left_off = None
        for page, at in self._pages(asked, after):
            outcomes += page
            if enough():
                left_off = at
                break
        if outcomes:
            asked.tell("failed retry --all", self._topic)
        return Retried(outcomes, left_off)

    def discard(self, place: Place, asked: OperatorAction) -> None:
        """Let one go for good, with its value. Raise `NotFound`, or `TooLate` when it has been handled."""
        with self._database.transaction() as tx:
            tx.lock_partition(self._topic, place.partition)
            discarded = tx.operator.discard(self._topic, place)
            if discarded:
                asked.keep(tx, "failed discard", place.text)
        if not discarded:
            raise TooLate(f"{place.text}: {self._why_not(place)}")
        asked.tell("failed discard", place.text)

    def _pages(self, asked: OperatorAction, after: Place | None) -> Iterator[tuple[Counter[Outcome], Place]]:
        """Some retried messages at a time, and the last of them."""
        with self._database.transaction() as tx:
            partitions = tx.operator.partitions_with_failed(self._topic)
        retry = Retry(self._database, self._topic, _record(asked, "failed retry --all", self._topic))
        for partition in partitions:
            if after is None or partition >= after.partition:
                begin = after if after and partition == after.partition else None
                yield from retry.pages(partition, RETRYABLE, begin)

    def _why_not(self, place: Place) -> str:
        return f"it has been {self.show(place).row.state} already"


def _record(asked: OperatorAction, command: str, target: str) -> Callable[[Transaction], None]:
    return lambda tx: asked.keep(tx, command, target)
