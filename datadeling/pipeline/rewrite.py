"""Write messages again that the live consumer has handled before: a replay, and its dry run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place
from datadeling.errors import UnstorableRow
from datadeling.pipeline.fold import Changes
from datadeling.pipeline.message import Message, Unreadable, avtale_id_of, avtaler_named, generation_at
from datadeling.pipeline.store import fold_stored, refused, write_changes
from datadeling.pipeline.tally import Tally
from datadeling.pipeline.transform import read

Then = Callable[[Transaction, Message, Tally], None]
"""Callback run inside the transaction, with its last message and its tally; saves the replay's progress."""


class Rewrite:
    """The tables of one topic, behind the live consumer. For one thread at a time.

    A dry run writes nothing. It keeps the rows that would have been written, so that later messages are
    compared with them: memory grows with the avtaler that differ, not with the topic. It does not notice a
    row that only the database would refuse.
    """

    def __init__(self, database: Database, topic: str, *, is_dry_run: bool = False) -> None:
        self._database = database
        self._topic = topic
        self._is_dry_run = is_dry_run
        self._rows: dict[str, Avtale] = {}
        self._markers: dict[str, Place] = {}

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
        return self.write(messages[:half], then) + self.write(messages[half:], then)

    def _write_once(
        self, messages: Sequence[Message], then: Then | None, error: UnstorableRow | None = None
    ) -> Tally:
        with self._database.transaction() as tx:
            for partition in sorted({message.partition for message in messages}):
                tx.lock_partition(self._topic, partition)
            # 1. Read what the live consumer has handled, each message in its generation at that time.
            mottatt, positions = datetime.now(UTC), tx.positions(self._topic)
            ended = tx.earlier_generations(self._topic)
            decoded = [
                read(m, generation_at(m.partition, m.offset, at.generation, ended), mottatt)
                for m in messages
                if (at := positions.get(m.partition)) and m.offset < at.next_offset
            ]
            if error:
                decoded = [refused(messages[0], one, error) for one in decoded]
            # 2. Decide, and write only what differs.
            tables = _DryTransaction(tx, self._rows, self._markers) if self._is_dry_run else tx
            changes = fold_stored(tables, decoded, is_replay=True)
            changes.stored.clear()  # a replay supersedes no parked message
            changes.parked = _to_park(tables, changes)
            if not self._is_dry_run:
                write_changes(tx, self._topic, changes)
            tally = Tally.of(changes)
            if then:
                then(tx, messages[-1], tally)
        if self._is_dry_run:
            self._rows.update((avtale.avtale_id, avtale) for avtale in (*changes.new, *changes.changed))
            self._markers.update(changes.deletions.values())
        return tally


class _DryTransaction(Transaction):
    """Reads what a dry run would have written so far instead of what is in the tables."""

    def __init__(self, tx: Transaction, rows: Mapping[str, Avtale], markers: Mapping[str, Place]) -> None:
        super().__init__(tx.connection)
        self._rows = rows
        self._markers = markers

    def avtaler(self, ids: Sequence[str]) -> dict[str, Avtale]:
        rows = super().avtaler(ids) | {key: self._rows[key] for key in ids if key in self._rows}
        return {avtale_id: row for avtale_id, row in rows.items() if self._is_left(row)}

    def markers(self, ids: Sequence[str]) -> dict[str, Place]:
        return super().markers(ids) | {key: self._markers[key] for key in ids if key in self._markers}

    def history(self, ids: Sequence[str]) -> dict[str, list[Superseded]]:
        return {
            avtale_id: [version for version in versions if self._is_left(version.avtale)]
            for avtale_id, versions in super().history(ids).items()
        }

    def _is_left(self, version: Avtale) -> bool:
        marker = self._markers.get(version.avtale_id)
        return marker is None or version.place.is_after(marker)


def _to_park(tx: Transaction, changes: Changes) -> list[Unreadable]:
    """Return the unreadable messages that a replay parks: not superseded, and naming no erased avtale.

    `datadeling delete` removes every parked message that names the avtale, whatever its key and partition.
    Such a message may stand after the marker on another partition; the live consumer had handled it before.
    """
    parked = [
        message
        for message in changes.parked
        if (avtale := changes.present.get(avtale_id_of(message))) is None
        or not avtale.place.is_after(message.place)
    ]
    if not parked:
        return []
    named = [avtaler_named(message) for message in parked]
    marked = tx.markers(list(set().union(*named))).keys()
    return [message for message, names in zip(parked, named, strict=True) if not names & marked]
