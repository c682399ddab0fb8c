"""The statements of retention: count and delete rows that are too old."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from datadeling.db.statements import Statements
from datadeling.db.tables.operator import ERASURE

PRUNED = ("failed_message", "avtale_historikk", "operator_log", "replay_job")
"""The tables that are pruned. Each has two statements: `prune_…` and `count_prunable_…`."""

Cutoffs = Mapping[str, datetime]
"""The times before which rows are too old, by the names of `config.Retention`, which the statements use."""


class Prunable(Statements):
    """The statements of retention, inside an open transaction."""

    def cutoffs(self, kept: Mapping[str, timedelta]) -> Cutoffs:
        """Return the times that are as long ago as rows are kept, by the database's clock."""
        ((now,),) = self._run("clock").fetchall()
        return {name: now - time for name, time in kept.items()}

    def delete(self, table: str, cutoffs: Cutoffs, limit: int) -> int:
        """Delete at most `limit` rows of one of `PRUNED` and return their number. Skips locked rows."""
        return self._run(f"prune_{table}", limit=limit, **_values(cutoffs)).rowcount

    def count(self, table: str, cutoffs: Cutoffs) -> int:
        """Count the rows of one of `PRUNED` that are too old."""
        ((rows,),) = self._run(f"count_prunable_{table}", **_values(cutoffs)).fetchall()
        return int(rows)

    def claims_pruned_history(self, topic: str, cutoffs: Cutoffs) -> bool:
        """Return True while versions are too old that `historikk_fra` still promises."""
        ((claims,),) = self._run("claims_pruned_history", topic=topic, **cutoffs).fetchall()
        return bool(claims)  # null when there is no history at all

    def move_historikk_fra(self, topic: str, cutoffs: Cutoffs) -> None:
        """Promise no history from before the cutoff any more. The locks of all partitions must be held."""
        self._run("move_historikk_fra", topic=topic, **cutoffs)


def _values(cutoffs: Cutoffs) -> dict[str, Any]:
    return {**cutoffs, "erasure": ERASURE}
