"""Who has read which fields under which purposes, and who has looked somebody up: what the log tells."""

from collections.abc import Sequence
from contextlib import nullcontext

from datadeling.db.database import Database
from datadeling.db.tables.audit import PersonLookup, Reading
from datadeling.domain.month import OSLO, Month
from datadeling.log import masked_prose
from datadeling.operations.action import OperatorAction

COMMAND = "audit"
COMMAND_PERSON = "audit person"
_LOG = "lookup_log"


def report(
    database: Database,
    consumer: str | None,
    month: Month,
    asked: OperatorAction,
    *,
    seconds: float | None = None,
) -> list[Reading]:
    """What a consumer, by its client id, has read in a month in Oslo; None is every consumer.

    One reading for each consumer, call, set of purposes and set of fields, sorted by these; none when there
    were no lookups, or when what there was has been deleted. No person is named. Times are Oslo's. That it
    was read, and by whom, is kept in `operator_log`. Whoever calls this must have seen to it that the reader
    may (`ADMIN_GROUP`). Blocks for ten seconds for each million lookups or so, but for `seconds` at most; if
    left out, for as long as the session may. Raise `DatabaseUnavailable`, also when it takes longer; nothing
    is kept then, and nothing has been read.
    """
    target = masked_prose(f"{month} {consumer}") if consumer else str(month)
    with database.transaction() as tx:
        with tx.audit.taking_time(seconds) if seconds else nullcontext():
            readings = tx.audit.readings(month.begins, month.ends, consumer)
        asked.keep(tx, COMMAND, target)
    asked.tell(COMMAND, target)
    return [
        each._replace(first=each.first.astimezone(OSLO), last=each.last.astimezone(OSLO)) for each in readings
    ]


def person_lookups(database: Database, identer: Sequence[str], asked: OperatorAction) -> list[PersonLookup]:
    """Who has looked a person up, by any of these numbers, for as long as the log goes back. Oldest first.

    That it was asked, by whom and why, is kept in `operator_log` before anything is read; the numbers are
    not. Looks into every month, one after the other: a second for each million lookups or so. Raise
    `DatabaseUnavailable`.
    """
    with database.transaction() as tx:
        asked.keep(tx, COMMAND_PERSON, _LOG)
        months = tx.lookup_log.spans()
    asked.tell(COMMAND_PERSON, _LOG)
    found = []
    for begins, ends in months:
        with database.transaction() as tx:
            found += tx.audit.person_lookups(identer, begins, ends)
    return [each._replace(tidspunkt=each.tidspunkt.astimezone(OSLO)) for each in found]
