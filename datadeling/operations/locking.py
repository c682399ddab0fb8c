"""How an operator's deed that concerns a whole topic keeps every writer away while it lasts."""

from datadeling.db.tables.operator import OffsetRow
from datadeling.db.transaction import Transaction
from datadeling.errors import NotFound


def lock_all(tx: Transaction, topic: str) -> dict[int, OffsetRow]:
    """Where the partitions stand, in order; nobody else writes avtaler of them until the transaction ends.

    Waits up to `lock_timeout` for each. Raise `NotFound` when nothing has been read of the topic.
    """
    for row in tx.operator.offsets(topic):
        tx.lock_partition(topic, row.partition)
    # Read anew: what was read before the locks may have moved on.
    offsets = {row.partition: row for row in tx.operator.offsets(topic)}
    if not offsets:
        raise NotFound("nothing has been read of this topic yet")
    return offsets
