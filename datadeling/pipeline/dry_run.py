"""What `Rewrite` would do, found out without writing anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place
from datadeling.pipeline.fold import Changes, avtale_ids, fold, told_again
from datadeling.pipeline.message import Decoded, Message
from datadeling.pipeline.rewrite import not_erased, not_superseded, read_behind
from datadeling.pipeline.tally import Tally

_T = TypeVar("_T")


class DryRun:
    """The tables of one topic as a replay would leave them, for one thread at a time.

    Keeps what would have been written, so that later messages meet it: memory grows with the avtaler that
    differ, not with the topic. A row that only the database would refuse is not noticed.
    """

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic
        self._written: dict[str, Avtale] = {}
        self._markers: dict[str, Place] = {}

    def write(self, messages: Sequence[Message]) -> Tally:
        """What `Rewrite.write` would return after the same calls. Raise `DatabaseUnavailable`."""
        with self._database.transaction() as tx:
            readings = read_behind(tx, self._topic, messages, datetime.now(UTC))
            changes = not_superseded(tx, self._fold, readings, self._markers)
            changes = replace(changes, parked=not_erased(tx, changes.not_outdated(), self._markers))
        self._written.update((avtale.avtale_id, avtale) for avtale in (*changes.new, *changes.changed))
        for avtale_id, place in changes.deletions:
            self._markers[avtale_id] = place
        return Tally.of(changes)

    def _fold(self, tx: Transaction, readings: Sequence[Decoded], instead: Mapping[str, Avtale]) -> Changes:
        ids = avtale_ids(readings)
        markers = {**tx.markers(ids), **_of(self._markers, ids)}
        stored = {**tx.avtaler(ids), **_of(self._written, ids), **instead}
        present = {
            avtale_id: avtale
            for avtale_id, avtale in stored.items()
            if (marker := markers.get(avtale_id)) is None or avtale.place.is_after(marker)
        }
        again = told_again(readings, present)
        return fold(readings, present, markers, tx.history(again) if again else None)


def _of(values: Mapping[str, _T], ids: Iterable[str]) -> dict[str, _T]:
    return {avtale_id: values[avtale_id] for avtale_id in ids if avtale_id in values}
