"""Write messages again that the live consumer has handled before: a replay, and its dry run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place
from datadeling.errors import UnstorableRow
from datadeling.pipeline.fold import Changes
from datadeling.pipeline.message import Decoded, Message, Unreadable, avtaler_named, generation_at
from datadeling.pipeline.store import Tables, fold_stored, refused, write_changes
from datadeling.pipeline.tally import Tally
from datadeling.pipeline.transform import read

Then = Callable[[Transaction, Message, Tally], None]
"""Callback run inside the transaction, with its last message and its tally; saves the replay's progress."""


class Rewrite:
    """The tables of one topic, behind the live consumer. For one thread at a time."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def write(self, messages: Sequence[Message], then: Then | None = None) -> Tally:
        """Write what differs; calling it again with the same messages changes nothing.

        Messages that the live consumer has not handled are left to it. Moves no offset. Parks nothing that a
        stored message of the same key has superseded or that names an erased avtale, and leaves parked
        messages as they are. One transaction, unless the database refuses a row: then halves until it stands
        alone, and it is parked. `then` runs at the end of each transaction. Raise `DatabaseUnavailable`, and
        whatever `then` raises; the transaction in hand has been rolled back then.
        """
        if not messages:
            return Tally()
        try:
            return self._write_once(messages, then)
        except UnstorableRow as error:
            if len(messages) == 1:
                return self._write_once(messages, then, error)
        half = len(messages) // 2
        tally = self.write(messages[:half], then)
        tally.add(self.write(messages[half:], then))
        return tally

    def _write_once(
        self, messages: Sequence[Message], then: Then | None, error: UnstorableRow | None = None
    ) -> Tally:
        with self._database.transaction() as tx:
            for partition in sorted({message.partition for message in messages}):
                tx.lock_partition(self._topic, partition)
            decoded = _read_behind(tx, self._topic, messages)
            if error:
                decoded = [refused(messages[0], one, error) for one in decoded]
            # Without `stored`: a replay supersedes no parked message.
            changes = replace(_fold_behind(tx, decoded), stored={})
            write_changes(tx, self._topic, changes)
            tally = Tally.of(changes)
            if then:
                then(tx, messages[-1], tally)
        return tally


class DryRun:
    """The tables of one topic as a replay would leave them. For one thread at a time.

    Keeps the rows that would have been written, so that later messages are compared with them: memory grows
    with the avtaler that differ, not with the topic. Does not notice a row that only the database would
    refuse.
    """

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic
        self._written: dict[str, Avtale] = {}
        self._markers: dict[str, Place] = {}

    def write(self, messages: Sequence[Message]) -> Tally:
        """Return what `Rewrite.write` would return after the same calls. Raise `DatabaseUnavailable`."""
        with self._database.transaction() as tx:
            tables = _Overlay(tx, self._written, self._markers)
            changes = _fold_behind(tables, _read_behind(tx, self._topic, messages))
        self._written.update((avtale.avtale_id, avtale) for avtale in (*changes.new, *changes.changed))
        self._markers.update(changes.deletions)
        return Tally.of(changes)


@dataclass(frozen=True, slots=True)
class _Overlay:
    """Tables with some rows and markers instead of those in the database."""

    tables: Tables
    rows: Mapping[str, Avtale] = field(default_factory=dict)
    erased: Mapping[str, Place] = field(default_factory=dict)

    def avtaler(self, ids: Sequence[str]) -> dict[str, Avtale]:
        rows = {**self.tables.avtaler(ids), **{key: self.rows[key] for key in ids if key in self.rows}}
        return {avtale_id: row for avtale_id, row in rows.items() if self.is_left(row)}

    def markers(self, ids: Sequence[str]) -> dict[str, Place]:
        return {**self.tables.markers(ids), **{key: self.erased[key] for key in ids if key in self.erased}}

    def history(self, ids: Sequence[str]) -> dict[str, list[Superseded]]:
        return {
            avtale_id: [version for version in versions if self.is_left(version.avtale)]
            for avtale_id, versions in self.tables.history(ids).items()
        }

    def is_left(self, version: Avtale) -> bool:
        """Return True unless one of `erased` stands at or after this version."""
        marker = self.erased.get(version.avtale_id)
        return marker is None or version.place.is_after(marker)


def _read_behind(tx: Transaction, topic: str, messages: Sequence[Message]) -> list[Decoded]:
    """Read the messages that the live consumer has handled, each in its generation at that time."""
    mottatt = datetime.now(UTC)
    positions = tx.positions(topic)
    ended = tx.earlier_generations(topic)
    return [
        read(m, generation_at(m.partition, m.offset, positions[m.partition].generation, ended), mottatt)
        for m in messages
        if m.partition in positions and m.offset < positions[m.partition].next_offset
    ]


def _fold_behind(tables: Tables, messages: Sequence[Decoded]) -> Changes:
    """Return the changes that a replay of these messages makes."""
    changes = _without_superseded(tables, messages)
    return replace(changes, parked=_not_erased(tables, changes.not_outdated()))


def _without_superseded(tables: Tables, messages: Sequence[Decoded]) -> Changes:
    """Return the changes of these messages, without versions that history shows to be superseded.

    Needed when a row has been deleted or set back by hand while its history was left. Starting from any
    message of the avtale would present an old state as the current one, and add its history a second time.
    """
    changes = fold_stored(tables, messages)
    before = changes.before
    left = _Overlay(tables, erased=dict(changes.deletions))  # history that the tombstones among them leave
    newest = _newest_superseded(left, _with_new_version(changes))
    if not newest:
        return changes

    def is_superseded(version: Avtale) -> bool:
        superseded = newest.get(version.avtale_id)
        return superseded is not None and not version.is_newer_than(superseded)

    kept = [one for one in messages if not (isinstance(one, Avtale) and is_superseded(one))]
    # A row that is older than its own history has been set back: fold onto the newest of history instead.
    rows = {
        avtale_id: version
        for avtale_id, version in newest.items()
        if (row := before.get(avtale_id)) and version.is_newer_than(row) and left.is_left(row)
    }
    changes = fold_stored(_Overlay(tables, rows), kept)
    changes.outcomes["older"] += len(messages) - len(kept)
    history = [version for version in changes.history if not is_superseded(version.avtale)]
    return replace(changes, history=history, before=before)


def _with_new_version(changes: Changes) -> list[str]:
    """Return the avtaler whose row gets another message's version, not just more of its own message."""
    before = changes.before
    moved = (ny.avtale_id for ny in changes.changed if ny.place != before[ny.avtale_id].place)
    return [*(new.avtale_id for new in changes.new), *moved]


def _newest_superseded(tables: Tables, ids: Sequence[str]) -> dict[str, Avtale]:
    """Return the newest version in the history of each of these avtaler."""
    newest: dict[str, Avtale] = {}
    for avtale_id, versions in (tables.history(ids) if ids else {}).items():
        for version, _, _ in versions:
            if avtale_id not in newest or version.is_newer_than(newest[avtale_id]):
                newest[avtale_id] = version
    return newest


def _not_erased(tables: Tables, parked: Sequence[Unreadable]) -> list[Unreadable]:
    """Return the messages that name no erased avtale.

    `datadeling delete` removes every parked message that names the avtale, whatever its key and partition.
    Such a message may stand after the marker on another partition; the live consumer had handled it before.
    """
    if not parked:
        return []
    named = [avtaler_named(message) for message in parked]
    marked = tables.markers(list(set().union(*named))).keys()
    return [message for message, names in zip(parked, named, strict=True) if not names & marked]
