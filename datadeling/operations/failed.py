"""Parked messages: list, show, retry and discard them."""

import math
import time
from collections import Counter
from typing import Any, NamedTuple

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound, TooLate
from datadeling.operations.action import OperatorAction
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.retry import Retry

_RETRYABLE = ("new", "superseded")  # these still have their value


class Retried(NamedTuple):
    """Outcomes of a retry. `left_off` is the last message tried, None when none remain."""

    outcomes: Counter[Outcome]
    left_off: Place | None


class FailedMessages:
    """The parked messages of one topic. Every method can raise `DatabaseUnavailable`."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def find(self, state: str | None, reason: str | None, limit: int) -> list[dict[str, Any]]:
        """Return those in this state and with this reason code, in the order of their places; None is any."""
        with self._database.transaction() as tx:
            values = {"state": state, "reason": reason, "limit": limit}
            return tx.dicts("list_failed", topic=self._topic, **values)

    def show(self, place: Place) -> dict[str, Any]:
        """Return one of them with its `value`, which is personal data. Raise `NotFound`."""
        with self._database.transaction() as tx:
            found = tx.dicts("select_failed", topic=self._topic, **place._asdict())
        if not found:
            raise NotFound(f"there is no failed message {place.text}")
        return found[0]

    def unmask(self, place: Place, action: OperatorAction) -> dict[str, Any]:
        """Return the same, and record that a person has seen it. Raise `NotFound`."""
        with action.transaction(self._database, "failed show --unmask", place.text):
            return self.show(place)

    def retry(self, place: Place, action: OperatorAction) -> Outcome:
        """Retry one. Raise `NotFound`, or `TooLate` when it has been handled."""
        outcomes = self._retry(action, "failed retry", place.text).one(place, _RETRYABLE)
        if not outcomes:
            raise self._too_late(place)
        action.log("failed retry", place.text)
        return next(iter(outcomes))

    def retry_all(
        self, action: OperatorAction, after: Place | None = None, seconds: float = math.inf
    ) -> Retried:
        """Retry all that have not been handled, partition by partition in the order of the log.

        Begins behind `after`, where an earlier call left off. Leaves off when it has taken so many seconds,
        after a few hundred messages at the earliest.
        """
        until = time.monotonic() + seconds
        with self._database.transaction() as tx:
            partitions = tx.rows(int, "partitions_with_failed", topic=self._topic)
        retry = self._retry(action, "failed retry --all", self._topic)
        begins = [after] if after else []
        begins += [Place(-1, p, -1) for p in partitions if not after or p > after.partition]
        pages = (page for begin in begins for page in retry.pages(begin.partition, _RETRYABLE, begin))
        outcomes: Counter[Outcome] = Counter()
        left_off = None
        for page, at in pages:
            outcomes += page
            if time.monotonic() > until:
                left_off = at
                break
        if outcomes:
            action.log("failed retry --all", self._topic)
        return Retried(outcomes, left_off)

    def discard(self, place: Place, action: OperatorAction) -> None:
        """Delete the value of one, and close it. Raise `NotFound`, or `TooLate` when it has been handled."""
        with action.transaction(self._database, "failed discard", place.text) as tx:
            tx.lock_partition(self._topic, place.partition)
            if not tx.run("discard_failed", topic=self._topic, **place._asdict()).rowcount:
                raise self._too_late(place)

    def _retry(self, action: OperatorAction, command: str, target: str) -> Retry:
        return Retry(self._database, self._topic, lambda tx: action.record(tx, command, target))

    def _too_late(self, place: Place) -> TooLate:
        return TooLate(f"{place.text}: it has been {self.show(place)['state']} already")
