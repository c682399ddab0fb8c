"""Retention: deletes what is kept no longer, a bounded part at a time, for the consumer and for operators.

The log of lookups goes by whole months; the coming ones are made here, too.
"""

from collections.abc import Callable
from dataclasses import asdict

import structlog

from datadeling.config import Retention
from datadeling.db.database import Database
from datadeling.db.tables.retention import PRUNED, Cutoffs
from datadeling.db.transaction import Transaction
from datadeling.errors import Locked

MONTHS = "lookup_log_months"
"""What is counted of the log of lookups, beside the rows of `PRUNED`."""

_ROWS_AT_ONCE = 1_000  # of one table, in one transaction

log = structlog.get_logger(__name__)


class Pruning:
    """What the database keeps, for no longer than `retention`. For one thread at a time.

    Goes by rounds: what was too old at the beginning of a round is gone at its end, whatever grows too old
    meanwhile. `record` is called once, in the transaction of the first deletion. Safe at any time, beside
    consumers and others of its kind. Raise `DatabaseUnavailable`; what had been deleted by then stays so.
    """

    def __init__(
        self,
        database: Database,
        topic: str,
        retention: Retention,
        record: Callable[[Transaction], None] | None = None,
    ) -> None:
        self._database = database
        self._topic = topic
        self._kept = asdict(retention)
        self._record = record
        self._cutoffs: Cutoffs | None = None
        self._months_are_held = False

    def step(self) -> dict[str, int]:
        """Delete at most 1,000 rows of each table and one month of lookups, in a transaction each.

        Says how many of which; nothing at the end of a round. The next step begins another, and makes the
        months that will be needed.
        """
        if self._cutoffs is None:
            self._make_months()
            with self._database.transaction() as tx:
                self._cutoffs = tx.pruning.cutoffs(self._kept)
            self._months_are_held = False
        deleted = {table: self._delete(table, self._cutoffs) for table in PRUNED}
        deleted[MONTHS] = self._drop_month(self._cutoffs)
        if not any(deleted.values()):
            self._cutoffs = None
        return {table: rows for table, rows in deleted.items() if rows}

    def count(self) -> dict[str, int]:
        """How many rows of each table, and how many months of lookups, a round would delete now."""
        with self._database.transaction() as tx:
            cutoffs = tx.pruning.cutoffs(self._kept)
            counted = {table: tx.pruning.count(table, cutoffs) for table in PRUNED}
            return {**counted, MONTHS: tx.lookup_log.months_over(cutoffs["lookup_log"])}

    def _make_months(self) -> None:
        try:
            with self._database.transaction() as tx:
                made = tx.lookup_log.make_months()
        except Locked:  # somebody else is at it
            return
        if made:
            log.info("lookup_log_months_made", months=made)

    def _drop_month(self, cutoffs: Cutoffs) -> int:
        """Drop the oldest month that is kept no longer, unless somebody holds it or the log.

        A dump or a report may do so for long, and no lookup gets past us while we wait for it. So we hardly
        wait, and not again in this round.
        """
        if self._months_are_held:
            return 0
        try:
            return self._at_once(lambda tx: int(tx.lookup_log.drop_month(cutoffs["lookup_log"])))
        except Locked:
            self._months_are_held = True
            log.info("lookup_log_month_is_held")
            return 0

    def _delete(self, table: str, cutoffs: Cutoffs) -> int:
        """The rows are taken without a partition's lock, which every other writer of avtaler holds.

        The fold decides by the present and the markers alone, a version becomes history once, and a tombstone
        or a retry that comes to a row too late wants nothing of it any more. So what is gone changes nothing
        of what they do. Nor can we stand in each other's way: we skip rows that are locked, and ask for no
        other lock once we have any; who waits for ours waits for one short transaction.
        """

        def delete(tx: Transaction) -> int:
            if table == "avtale_historikk":
                self._move_historikk_fra(tx, cutoffs)
            return tx.pruning.delete(table, cutoffs, _ROWS_AT_ONCE)

        return self._at_once(delete)

    def _at_once(self, delete: Callable[[Transaction], int]) -> int:
        """Delete in one transaction, with the record if it is the first to delete anything."""
        with self._database.transaction() as tx:
            deleted = delete(tx)
            if deleted and self._record:
                self._record(tx)
        if deleted:
            self._record = None
        return deleted

    def _move_historikk_fra(self, tx: Transaction, cutoffs: Cutoffs) -> None:
        """Before history goes, say in the same transaction that it is complete from the cutoff only.

        A version that goes was valid until before the cutoff, so all that was valid at the cutoff or later is
        there. Before it nothing can be said: how much of it is gone depends on how far we have got. That is
        why it is the cutoff of the round, and not the end of the newest version that this batch takes: it
        holds for every batch, and is written once a round. All partitions, for an avtale may have moved.

        The positions are written under the partitions' locks, in their order, as by everybody who writes more
        than one; and before any version is taken, for who holds a lock may wait for that.
        """
        if tx.pruning.claims_pruned_history(self._topic, cutoffs):
            for partition in sorted(tx.positions(self._topic)):
                tx.lock_partition(self._topic, partition)
            tx.pruning.move_historikk_fra(self._topic, cutoffs)
