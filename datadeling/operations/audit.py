"""Who has read which fields under which purposes: reports over the log of lookups."""

from datadeling.db.audit import Reading
from datadeling.db.database import Database
from datadeling.domain.month import OSLO, Month
from datadeling.log import masked
from datadeling.operations.asked import Asked

COMMAND = "audit"


def report(database: Database, consumer: str | None, month: Month, asked: Asked) -> list[Reading]:
    """What a consumer, by its client id, has read in a month in Oslo; None is every consumer.

    One reading for each consumer, call, set of purposes and set of fields, sorted by these; none when there
    were no lookups, or when what there was has been deleted. No person is named. Times are Oslo's. That it
    was read, and by whom, is kept in `operator_log`. Whoever calls this must have seen to it that the reader
    may (`ADMIN_GROUP`). Blocks for seconds when there are millions of lookups. Raise `DatabaseUnavailable`,
    also when that takes longer than the session may; nothing is kept then, and nothing has been read.
    """
    target = masked(f"{month} {consumer}") if consumer else str(month)
    with database.transaction() as tx:
        readings = tx.audit.readings(month.begins, month.ends, consumer)
        asked.keep(tx, COMMAND, target)
    asked.tell(COMMAND, target)
    return [
        each._replace(first=each.first.astimezone(OSLO), last=each.last.astimezone(OSLO)) for each in readings
    ]
