"""`datadeling audit`: who has read which fields under which purposes."""

from datetime import UTC, datetime

import click

from datadeling.commands.common import asked, by_option, json_option, print_json, print_table, tables
from datadeling.db.audit import Reading
from datadeling.domain.month import Month
from datadeling.operations.audit import report

_COLUMNS = (
    "consumer", "name", "endpoint", "behandlingsnummer", "felter", "lookups", "persons", "hits", "users",
    "first", "last",
)  # fmt: skip


def _month(_: click.Context, __: click.Parameter, value: str | None) -> Month:
    if value is None:
        return Month.of(datetime.now(UTC))
    try:
        return Month.parse(value)
    except ValueError:
        raise click.BadParameter("must be a month, such as 2026-11") from None


@click.command()
@click.option("--consumer", metavar="ID", help="Only this one: its client id (azp).")
@click.option(
    "--month", callback=_month, metavar="YYYY-MM", help="Which month in Oslo; this one if left out."
)
@by_option
@json_option
def audit(consumer: str | None, month: Month, asked_by: str, as_json: bool) -> None:
    """Show who has read which fields under which purposes.

    Persons are counted, never named. That you looked is kept in operator_log.
    """
    who = asked(asked_by)
    with tables() as database:
        readings = report(database, consumer, month, who)
    if as_json:
        print_json([reading._asdict() for reading in readings])
    else:
        print_table(_COLUMNS, map(_row, readings))


def _row(reading: Reading) -> list[object]:
    return [", ".join(value) if isinstance(value, list) else value for value in reading]
