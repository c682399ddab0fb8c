"""Erase an avtale by hand (the right to erasure), as a tombstone on the topic would."""

from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place, Sletting
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import lock_all
from datadeling.pipeline.partitioner import partition_of


class Erasure(NamedTuple):
    """Deleted rows of `avtale`, `avtale_historikk` and `failed_message`, and the marker's place."""

    avtaler: int
    versions: int
    failed: int
    marker: Place


def erase(database: Database, topic: str, avtale_id: str, action: OperatorAction) -> Erasure:
    """Delete everything stored about an avtale, and set a marker at the end of what has been handled.

    Messages before the marker never restore it; messages that are handled later do. Raise `NotFound` when
    nothing is stored; nothing is written then.
    """
    with action.transaction(database, "delete", avtale_id) as tx:
        offsets = lock_all(tx, topic)
        generation = max(row.generation for row in offsets.values())
        known = tx.first(Place, "locate_avtale", topic=topic, avtale_id=avtale_id)
        # The partition of its next message: that of its last one, unless partitions have been added since.
        if known is not None and known.generation == generation and known.partition in offsets:
            partition = known.partition
        else:
            partition = partition_of(avtale_id.encode(), max(offsets) + 1)
        handled = offsets[partition].next_offset - 1 if partition in offsets else -1
        marker = Place(generation, partition, handled)
        erased = tx.delete([Sletting(avtale_id, marker)])
        failed = tx.run("erase_failed", topic=topic, avtale_id=avtale_id).rowcount
        if known is None and not failed:
            raise NotFound(f"nothing is stored of an avtale {avtale_id}")
    return Erasure(erased.avtaler, erased.versions, failed, marker)
