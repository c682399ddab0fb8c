"""Writes messages again that the live consumer has handled before: what a replay does with what it reads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place
from datadeling.errors import UnstorableRow
from datadeling.pipeline.apply import apply, fold_stored
from datadeling.pipeline.fold import Changes
from datadeling.pipeline.generation import generation_at
from datadeling.pipeline.message import Decoded, Message, Unreadable, avtaler_named
from datadeling.pipeline.tally import Tally
from datadeling.pipeline.transform import read, unreadable

_Markers = Mapping[str, Place]
_NONE: _Markers = MappingProxyType({})
_Folding = Callable[[Transaction, Sequence[Decoded], Mapping[str, Avtale]], Changes]

Then = Callable[[Transaction, Message, Tally], None]
"""Does something more in the transaction; told the last message in it, and what its messages came to."""


class Rewrite:
    """The tables of one topic, behind the live consumer. For one thread at a time."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def write(self, messages: Sequence[Message], then: Then | None = None) -> Tally:
        """Write what differs; calling again with the same messages changes nothing.

        What the live consumer has not handled yet is left to it. Moves no offset. Parks nothing that a stored
        message of the same key has outdated or that names an erased avtale, and leaves what is parked already
        as it is. One transaction, unless the database refuses a row: then halves until it stands alone, and
        it is parked. `then` runs at the end of each. Raise `DatabaseUnavailable`, and whatever `then` does:
        nothing of the last transaction has been written then.
        """
        if not messages:
            return Tally()
        mottatt = datetime.now(UTC)
        try:
            return self._write_once(messages, mottatt, then)
        except UnstorableRow as error:
            if len(messages) == 1:
                return self._write_once(messages, mottatt, then, refused=error)
        half = len(messages) // 2
        tally = self.write(messages[:half], then)
        tally.add(self.write(messages[half:], then))
        return tally

    def _write_once(
        self,
        messages: Sequence[Message],
        mottatt: datetime,
        then: Then | None,
        refused: UnstorableRow | None = None,
    ) -> Tally:
        with self._database.transaction() as tx:
            for partition in sorted({melding.partition for melding in messages}):
                tx.lock_partition(self._topic, partition)
            readings = read_behind(tx, self._topic, messages, mottatt)
            if refused:
                readings = [_refused(messages[0], reading, refused) for reading in readings]
            changes = not_superseded(tx, fold_stored, readings)
            # Nothing is superseded here either: what has been parked before is not for a replay to change.
            changes = replace(changes, parked=not_erased(tx, changes.not_outdated()), stored={})
            apply(tx, self._topic, changes)
            tally = Tally.of(changes)
            if then:
                then(tx, messages[-1], tally)
        return tally


def read_behind(tx: Transaction, topic: str, messages: Sequence[Message], mottatt: datetime) -> list[Decoded]:
    """Read those that the live consumer has handled, each in the generation that it was read in."""
    positions = tx.positions(topic)
    ended = tx.earlier_generations(topic)
    return [
        read(m, generation_at(m.partition, m.offset, positions[m.partition].generation, ended), mottatt)
        for m in messages
        if m.partition in positions and m.offset < positions[m.partition].next_offset
    ]


def not_superseded(
    tx: Transaction, folding: _Folding, readings: Sequence[Decoded], erased: _Markers = _NONE
) -> Changes:
    """What these messages do to the tables, without versions that history knows to be superseded.

    Somebody has taken a row away by hand, or set it back, and left its history. To begin with any message of
    the avtale would show a state as the present one that is not, and make history a second time. `erased` are
    markers that are to be, and so are not stored yet.
    """
    changes = folding(tx, readings, {})
    erased = {**erased, **dict(changes.deletions)}
    written = _with_new_versions(changes)
    newest = {
        avtale_id: version
        for avtale_id, version in _newest_superseded(tx, written).items()
        if _is_left(version, erased)
    }
    if not newest:
        return changes
    kept = [
        reading
        for reading in readings
        if not (isinstance(reading, Avtale) and _is_known(reading, newest.get(reading.avtale_id)))
    ]
    before = changes.before
    instead = {
        avtale_id: version
        for avtale_id, version in newest.items()
        if (row := before.get(avtale_id)) and version.is_newer_than(row) and _is_left(row, erased)
    }
    changes = folding(tx, kept, instead)
    changes.outcomes["older"] += len(readings) - len(kept)
    history = [old for old in changes.history if not _is_known(old.avtale, newest.get(old.avtale.avtale_id))]
    return replace(changes, history=history, before=before)


def not_erased(tx: Transaction, parked: Sequence[Unreadable], erased: _Markers = _NONE) -> list[Unreadable]:
    """Those that name no erased avtale; `erased` are more of them than are stored.

    To erase by hand takes every parked message away that names the avtale, whatever its key and partition.
    Its place does not tell then that it came before the marker; that the live consumer has handled it does.
    """
    if not parked:
        return []
    named = [avtaler_named(message) for message in parked]
    marked = tx.markers(list(set().union(*named))).keys() | erased.keys()
    return [message for message, names in zip(parked, named, strict=True) if not names & marked]


def _is_left(version: Avtale, erased: _Markers) -> bool:
    marker = erased.get(version.avtale_id)
    return marker is None or version.place.is_after(marker)


def _with_new_versions(changes: Changes) -> list[str]:
    """The avtaler that get a version, or the place of one: more than what a row's own message knew better."""
    before = changes.before
    moved = (ny.avtale_id for ny in changes.changed if ny.place != before[ny.avtale_id].place)
    return [*(new.avtale_id for new in changes.new), *moved]


def _newest_superseded(tx: Transaction, ids: Sequence[str]) -> dict[str, Avtale]:
    """The newest version of each of these avtaler that history has."""
    newest: dict[str, Avtale] = {}
    for avtale_id, versions in (tx.history(ids) if ids else {}).items():
        for version, _, _ in versions:
            if avtale_id not in newest or version.is_newer_than(newest[avtale_id]):
                newest[avtale_id] = version
    return newest


def _is_known(version: Avtale, newest: Avtale | None) -> bool:
    return newest is not None and not version.is_newer_than(newest)


def _refused(melding: Message, reading: Decoded, error: UnstorableRow) -> Unreadable:
    if isinstance(reading, Unreadable):
        raise error  # not even parking it works: that is no fault of the message
    place = reading.place
    return unreadable(melding, place, f"database_{error.sqlstate}", str(error))
