"""Reports from the log of lookups: which consumers read which fields, and who looked a person up."""

from collections.abc import Sequence

from datadeling.db import lookup_log
from datadeling.db.database import Database
from datadeling.db.rows import PersonLookup, Reading
from datadeling.domain.month import OSLO, Month
from datadeling.log import masked_prose
from datadeling.operations.action import OperatorAction


def report(database: Database, consumer: str | None, month: Month, action: OperatorAction) -> list[Reading]:
    """Return the readings of a consumer, by its client id, in a month in Oslo; None is every consumer.

    There is one reading for each consumer, call, set of purposes and set of fields, sorted by these, with
    times in Oslo. Blocks for some ten seconds per million lookups, at most as long as the session allows.
    Raise `DatabaseUnavailable`, also then; nothing is recorded.
    """
    target = masked_prose(f"{month} {consumer}") if consumer else str(month)
    values = {"begins": month.begins, "ends": month.ends, "consumer": consumer}
    with action.transaction(database, "audit", target) as tx:
        readings = tx.rows(Reading, "audit_lookups", **values)
    return [
        each._replace(first=each.first.astimezone(OSLO), last=each.last.astimezone(OSLO)) for each in readings
    ]


def person_lookups(database: Database, identer: Sequence[str], action: OperatorAction) -> list[PersonLookup]:
    """Return every lookup of a person by any of these numbers, as far back as the log goes, oldest first.

    The action is recorded before anything is read; the numbers are not recorded. Reads one month after the
    other, a second per million lookups or so. Raise `DatabaseUnavailable`.
    """
    with action.transaction(database, "audit person", "lookup_log") as tx:
        months = lookup_log.months(tx)
    lookups = []
    for month in months:
        with database.transaction() as tx:
            values = {"identer": list(identer), "begins": month.begins, "ends": month.ends}
            lookups += tx.rows(PersonLookup, "audit_person", **values)
    return [each._replace(tidspunkt=each.tidspunkt.astimezone(OSLO)) for each in lookups]
