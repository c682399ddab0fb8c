"""`datadeling audit`: which consumers read which fields, and who looked a person up."""

import re
import sys
from datetime import UTC, datetime

import click

from datadeling.commands import terminal
from datadeling.db.connection import REPORT
from datadeling.domain.month import Month
from datadeling.operations.action import OperatorAction
from datadeling.operations.audit import person_lookups, report

_IDENTER = re.compile(r"\s*(\d{11}\s+){0,19}\d{11}\s*", re.ASCII)  # of one person
_MONTH = terminal.parsed(Month.parse, "must be a month, such as 2026-11")


@click.command()
@click.option("--consumer", metavar="ID", help="Only the consumer with this client id (azp).")
@click.option("--month", type=_MONTH, metavar="YYYY-MM", help="Month in Oslo. Default: the current one.")
@click.option(
    "--person",
    is_flag=True,
    help="List instead the lookups of one person. Reads 1 to 20 identity numbers, all of that person, from "
    "standard input. Needs --reason.",
)
@terminal.reason_option()
@terminal.by_option
@terminal.json_option
def audit(
    consumer: str | None, month: Month | None, person: bool, reason: str | None, by: str, as_json: bool
) -> None:
    """Show which consumers have read which fields under which purposes.

    Persons are counted, never named. Your use of this command is recorded in operator_log.
    """
    action = OperatorAction(by, reason)
    if not person:
        with terminal.open_database(REPORT) as database:
            readings = report(database, consumer, month or Month.of(datetime.now(UTC)), action)
        terminal.print_rows(readings, as_json=as_json)
        return
    if consumer or month:
        raise click.UsageError("--person covers every consumer and every month")
    if not reason:
        raise click.UsageError("--person needs --reason: a case")
    # From standard input: other users and the shell's history can see a command line.
    text = click.prompt("Numbers of the person", hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    if not _IDENTER.fullmatch(text):
        raise click.UsageError("standard input must have 1 to 20 numbers of eleven digits")
    with terminal.open_database() as database:
        lookups = person_lookups(database, text.split(), action)
    terminal.print_rows(lookups, as_json=as_json)
