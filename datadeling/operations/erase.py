"""Erases an avtale by hand: a person's right to erasure. What a tombstone does, without one on the topic."""

from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.db.tables.operator import ERASURE, OffsetRow
from datadeling.domain.hendelse import Place, Sletting
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.locking import lock_all
from datadeling.pipeline.partitioner import partition_of


class Erasure(NamedTuple):
    """Rows of `avtale`, `avtale_historikk` and `failed_message` that are gone, and the marker's place."""

    avtaler: int
    versions: int
    failed: int
    marker: Place


def erase(database: Database, topic: str, avtale_id: str, asked: OperatorAction) -> Erasure:
    """Delete all that is stored of an avtale, and set a marker where its partition stands now.

    Messages before the marker never bring it back; those that come later, or have not been read yet, do.
    Raise `NotFound` when nothing at all is known of it: nothing has been written then.
    """
    with database.transaction() as tx:
        offsets = lock_all(tx, topic)
        known = tx.operator.locate(topic, avtale_id)
        place = _marker(avtale_id, known, offsets)
        erased = tx.delete([Sletting(avtale_id, place)])
        failed = tx.operator.erase_failed(topic, avtale_id)
        if known is None and not failed:
            raise NotFound(f"nothing is stored of an avtale {avtale_id}")
        asked.keep(tx, ERASURE, avtale_id)
    asked.tell(ERASURE, avtale_id)
    return Erasure(erased.avtaler, erased.versions, failed, place)


def _marker(avtale_id: str, known: tuple[int, int] | None, offsets: dict[int, OffsetRow]) -> Place:
    """After everything that has been handled, on the partition that the avtale's next message comes on.

    Where its last message was tells that only if no partitions have been added since.
    """
    generation = max(row.generation for row in offsets.values())
    if known is not None and known[0] == generation and known[1] in offsets:
        partition = known[1]
    else:
        partition = partition_of(avtale_id.encode(), max(offsets) + 1)
    at = offsets.get(partition)
    return Place(generation, partition, at.next_offset - 1 if at else -1)
