"""Deletes at once all that is kept no longer; the consumer does the same by and by."""

from collections import Counter

from datadeling.config import Retention
from datadeling.consumer.pruning import MONTHS, Pruning
from datadeling.db.database import Database
from datadeling.db.tables.retention import PRUNED
from datadeling.operations.action import OperatorAction

COMMAND = "prune"


def prune(database: Database, topic: str, retention: Retention, asked: OperatorAction) -> dict[str, int]:
    """Delete until nothing is left that was too old at the beginning, and say how many rows of each table.

    Of the log of lookups it is months; one that somebody holds is left to the next round, whoever's it is.
    Who asked is kept with the first rows that go, so a kill leaves no deletion without a record.
    """
    deleted = Counter(dict.fromkeys((*PRUNED, MONTHS), 0))
    pruning = Pruning(database, topic, retention, lambda tx: asked.keep(tx, COMMAND, topic))
    while step := pruning.step():
        deleted.update(step)
    if deleted.total():
        asked.tell(COMMAND, topic)
    return dict(deleted)


def count_prunable(database: Database, topic: str, retention: Retention) -> dict[str, int]:
    """How many rows of each table, and months of lookups, `prune` would delete now."""
    return Pruning(database, topic, retention).count()
