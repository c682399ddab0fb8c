"""Reports from the log of lookups: which consumers read which fields, and who looked a person up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from datadeling.db import lookup_log
from datadeling.db.database import Database
from datadeling.domain.month import OSLO, Month
from datadeling.log import masked_prose
from datadeling.operations.action import OperatorAction


def report(
    database: Database, consumer: str | None, month: Month, action: OperatorAction
) -> list[dict[str, Any]]:
    """Return the readings of a consumer, by its client id, in a month in Oslo; None is every consumer.

    There is one reading for each consumer, call, set of purposes and set of fields, sorted by these, with
    times in Oslo. `persons` counts identity numbers, `hits` the avtaler in the answers, and `users` those on
    whose behalf the consumer called. Blocks for some ten seconds per million lookups, at most as long as the
    session allows. Raise `DatabaseUnavailable`, also then; nothing is recorded.
    """
    target = masked_prose(f"{month} {consumer}") if consumer else str(month)
    values = {"begins": month.begins, "ends": month.ends, "consumer": consumer}
    with action.transaction(database, "audit", target) as tx:
        readings = tx.dicts("audit_lookups", **values)
    return [_in_oslo(reading) for reading in readings]


def person_lookups(
    database: Database, identer: Sequence[str], action: OperatorAction
) -> list[dict[str, Any]]:
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
            lookups += tx.dicts("audit_person", **values)
    return [_in_oslo(lookup) for lookup in lookups]


def _in_oslo(row: dict[str, Any]) -> dict[str, Any]:
    return {name: v.astimezone(OSLO) if isinstance(v, datetime) else v for name, v in row.items()}
