"""Retention: delete what is too old, in bounded steps; the consumer hourly, `datadeling prune` at once.

The log of lookups is deleted by whole months; the coming months are created here, too.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

import structlog

from datadeling.config import Retention
from datadeling.db import lookup_log
from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.errors import Locked
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import lock_all

PRUNED = ("failed_message", "avtale_historikk", "operator_log", "replay_job")
"""The tables that are pruned. Each has two statements: `prune_…` and `count_prunable_…`."""
MONTHS = "lookup_log_months"
"""Counted for the log of lookups, beside the rows of `PRUNED`."""

_ROWS_AT_ONCE = 1_000  # of one table, in one transaction

log = structlog.get_logger(__name__)


def prune(database: Database, topic: str, retention: Retention, action: OperatorAction) -> dict[str, int]:
    """Delete everything that is too old now, and return the number of rows by table.

    A month of lookups that somebody holds is left to the next round. The action is recorded with the first
    rows that go, so that no deletion is without a record, however the process ends.
    """
    deleted = Counter(dict.fromkeys((*PRUNED, MONTHS), 0))
    pruner = Pruner(topic, retention, action)
    while step := pruner.step(database):
        deleted.update(step)
    if deleted.total():
        action.log("prune", topic)
    return dict(deleted)


def count_prunable(database: Database, retention: Retention) -> dict[str, int]:
    """Return the number of rows by table, and of months of lookups, that `prune` would delete now."""
    with database.transaction() as tx:
        cutoffs = _cutoffs(tx, retention)
        counted = {table: sum(tx.rows(int, f"count_prunable_{table}", **cutoffs)) for table in PRUNED}
        return {**counted, MONTHS: len(lookup_log.months_over(tx, cutoffs["lookup_log"]))}


class Pruner:
    """Deletes in rounds: everything that was too old when a round began is gone when it ends.

    For one thread. Safe at any time beside consumers and other pruners. An `action` is recorded once, in the
    transaction of the first deletion.
    """

    def __init__(self, topic: str, retention: Retention, action: OperatorAction | None = None) -> None:
        self._topic = topic
        self._retention = retention
        self._unrecorded = action
        self._cutoffs: dict[str, datetime] | None = None
        self._month_is_held = False

    def step(self, database: Database) -> dict[str, int]:
        """Delete at most 1,000 rows of each table and one month of lookups, in a transaction each.

        Return the number deleted by table; empty at the end of a round. The next step begins another round,
        and creates the months that will be needed. Raise `DatabaseUnavailable`; earlier deletions stay.
        """
        if self._cutoffs is None:
            created: list[str] = []
            with suppress(Locked), database.transaction() as tx:  # locked: another process is creating them
                created = lookup_log.create_months(tx)
            if created:
                log.info("lookup_log_months_made", months=created)
            with database.transaction() as tx:
                self._cutoffs = _cutoffs(tx, self._retention)
            self._month_is_held = False
        deleted = {table: self._delete(database, table, self._cutoffs) for table in PRUNED}
        if not self._month_is_held:
            # A dump or a report may hold a month for long, and lookups queue behind us while we wait for the
            # lock. So the wait is short, and there is one in a round.
            try:
                deleted[MONTHS] = self._delete(database, MONTHS, self._cutoffs)
            except Locked:
                self._month_is_held = True
                log.info("lookup_log_month_is_held")
        if not any(deleted.values()):
            self._cutoffs = None
        return {table: rows for table, rows in deleted.items() if rows}

    def _delete(self, database: Database, table: str, cutoffs: dict[str, datetime]) -> int:
        """Delete rows without the lock of their partition, which every other writer of avtaler holds.

        That is safe: the fold decides by the present and the markers alone, a version becomes history once,
        and a tombstone or a retry has no use for a row that is gone. Nor can it deadlock: locked rows are
        skipped, and no other lock is requested once rows are locked.
        """
        with database.transaction() as tx:
            if table == "avtale_historikk":
                self._move_historikk_fra(tx, cutoffs)
            if table == MONTHS:
                deleted = int(lookup_log.drop_month(tx, cutoffs["lookup_log"]))
            else:
                deleted = tx.run(f"prune_{table}", limit=_ROWS_AT_ONCE, **cutoffs).rowcount
            if deleted and self._unrecorded:
                self._unrecorded.record(tx, "prune", self._topic)
        if deleted:
            self._unrecorded = None
        return deleted

    def _move_historikk_fra(self, tx: Transaction, cutoffs: dict[str, datetime]) -> None:
        """Move the time from which history is complete to the cutoff: what is valid there or later stays.

        On all partitions, for an avtale may have moved. The locks come first, in the order of every writer of
        several partitions: the holder of one may wait for the rows that we are about to delete.
        """
        if tx.first(bool, "claims_pruned_history", topic=self._topic, **cutoffs):
            lock_all(tx, self._topic)
            tx.run("move_historikk_fra", topic=self._topic, **cutoffs)


def _cutoffs(tx: Transaction, retention: Retention) -> dict[str, datetime]:
    """Return the times before which rows are too old, by the names of `Retention`."""
    now = tx.clock()
    return {name: now - kept for name, kept in asdict(retention).items()}
