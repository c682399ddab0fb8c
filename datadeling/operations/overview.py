"""How it goes with the consumer, as far as the database knows."""

from collections.abc import Mapping
from typing import NamedTuple

from datadeling.db.database import Database
from datadeling.db.tables.operator import OffsetRow
from datadeling.db.tables.replays import ReplayRow
from datadeling.pipeline.store import FAILED_STATES

_UNDER_WAY = ("requested", "running")
_MOST = 100


class Overview(NamedTuple):
    """Where the partitions stand, failed messages by state, and replays that have not ended, newest first."""

    partitions: list[OffsetRow]
    failed: Mapping[str, int]
    replays: list[ReplayRow]


def overview(database: Database, topic: str) -> Overview:
    """Asks no broker. Of the replays the newest 100. Raise `DatabaseUnavailable`."""
    with database.transaction() as tx:
        parked = tx.parking.count(topic)
        return Overview(
            tx.operator.offsets(topic),
            {state: parked[state].messages if state in parked else 0 for state in FAILED_STATES},
            tx.replays.listed(topic, _MOST, states=_UNDER_WAY),
        )
