"""Writes messages again that the live consumer has handled before: what a replay does with what it reads."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.ingest.apply import apply, fold_stored
from datadeling.ingest.fold import Outcome
from datadeling.ingest.generation import generation_at
from datadeling.ingest.melding import Melding, Unreadable, avtaler_named
from datadeling.ingest.transform import read


class Rewrite:
    """The tables of one topic, behind the live consumer. For one thread at a time."""

    def __init__(self, database: Database, topic: str) -> None:
        self._database = database
        self._topic = topic

    def write(self, messages: Sequence[Melding]) -> Counter[Outcome]:
        """Write what differs, in one transaction; calling again with the same messages changes nothing.

        What the live consumer has not handled yet is left to it. Moves no offset. Parks nothing that a stored
        message of the same key has outdated or that names an erased avtale, and leaves what is parked already
        as it is. Raise `DatabaseUnavailable` or `UnstorableRow`; nothing has been written then.
        """
        mottatt = datetime.now(UTC)
        partitions = sorted({melding.partition for melding in messages})
        with self._database.transaction() as tx:
            for partition in partitions:
                tx.lock_partition(self._topic, partition)
            positions = {p: at for p in partitions if (at := tx.position(self._topic, p))}
            ended = tx.earlier_generations(self._topic)
            readings = [
                read(
                    m, generation_at(m.partition, m.offset, positions[m.partition].generation, ended), mottatt
                )
                for m in messages
                if m.partition in positions and m.offset < positions[m.partition].next_offset
            ]
            changes = fold_stored(tx, readings)
            # Nothing is superseded here either: what has been parked before is not for a replay to change.
            changes = replace(changes, parked=_not_erased(tx, changes.not_outdated()), stored={})
            apply(tx, self._topic, changes)
        return changes.outcomes


def _not_erased(tx: Transaction, parked: Sequence[Unreadable]) -> list[Unreadable]:
    """Those that name no erased avtale.

    To erase by hand takes every parked message away that names the avtale, whatever its key and partition.
    Its place does not tell then that it came before the marker; that the live consumer has handled it does.
    """
    named = [avtaler_named(message) for message in parked]
    erased = tx.markers(list(set().union(*named))).keys()
    return [message for message, names in zip(parked, named, strict=True) if not names & erased]
