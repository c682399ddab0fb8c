"""What every writer of avtaler does under its partition's lock: fold onto what is stored, write the outcome.

The live consumer, a retry, a replay and an erasure all end here.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from datadeling.db.transaction import Transaction
from datadeling.domain.avtale import Avtale
from datadeling.pipeline.fold import Changes, avtale_ids, fold, told_again
from datadeling.pipeline.message import KEY_MISMATCH, Decoded, Unreadable


def fold_stored(
    tx: Transaction, readings: Sequence[Decoded], instead: Mapping[str, Avtale] = MappingProxyType({})
) -> Changes:
    """What these messages do to the tables as they are now. The partitions' locks must be held.

    `instead` are versions to begin with in the place of the stored ones.
    """
    ids = avtale_ids(readings)
    stored = {**tx.avtaler(ids), **instead}
    again = told_again(readings, stored)
    return fold(readings, stored, tx.markers(ids), tx.history(again) if again else None)


def apply(tx: Transaction, topic: str, changes: Changes) -> None:
    """Write the outcome of `fold_stored`, in the same transaction."""
    if changes.deletions:
        tx.delete(changes.deletions)
        tx.parking.delete(topic, changes.deletions, KEY_MISMATCH)
    if changes.new:
        tx.insert(changes.new)
    if changes.changed:
        tx.update(changes.changed)
    if changes.history:
        tx.insert_history(changes.history)
    if changes.parked:
        tx.parking.park(topic, _failed_rows(changes.parked))
    if changes.stored and tx.parking.has_new(topic):
        places = {avtale_id: version.place for avtale_id, version in changes.stored.items()}
        tx.parking.supersede(topic, places, KEY_MISMATCH)


def _failed_rows(parked: Iterable[Unreadable]) -> list[dict[str, Any]]:
    return [
        {
            "generation": message.place.generation,
            "partition": message.place.partition,
            "offset": message.place.offset,
            "key": message.key,
            "value": message.value,
            "hendelse_tidspunkt": message.timestamp,
            "reason": message.reason,
            "message": message.text,
        }
        for message in parked
    ]
