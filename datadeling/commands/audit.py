"""`datadeling audit`: which consumers read which fields, and who looked a person up."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from datadeling.commands.context import json_option, open_database, operator_action, print_json, print_table
from datadeling.db.connection import REPORT
from datadeling.db.rows import PersonLookup, Reading
from datadeling.domain.month import Month
from datadeling.operations.action import OperatorAction
from datadeling.operations.audit import person_lookups, report

_READING = (
    "consumer", "name", "endpoint", "behandlingsnummer", "felter", "lookups", "persons", "hits", "users",
    "first", "last",
)  # fmt: skip
_PERSON_LOOKUP = (
    "time", "consumer", "name", "user", "endpoint", "behandlingsnummer", "felter", "asked for", "call id",
)  # fmt: skip
_IDENT = re.compile(r"\d{11}", re.ASCII)
_MAX_IDENTER = 20  # of one person


def _month(_: click.Context, __: click.Parameter, value: str | None) -> Month | None:
    try:
        return None if value is None else Month.parse(value)
    except ValueError:
        raise click.BadParameter("must be a month, such as 2026-11") from None


@click.command()
@click.option("--consumer", metavar="ID", help="Only the consumer with this client id (azp).")
@click.option("--month", callback=_month, metavar="YYYY-MM", help="Month in Oslo. Default: the current one.")
@click.option(
    "--person",
    is_flag=True,
    help="List instead the lookups of one person. Reads 1 to 20 identity numbers, all of that person, from "
    "standard input. Needs --reason.",
)
@operator_action(with_reason="optional")
@json_option
def audit(
    consumer: str | None, month: Month | None, person: bool, action: OperatorAction, as_json: bool
) -> None:
    """Show which consumers have read which fields under which purposes.

    Persons are counted, never named. Your use of this command is recorded in operator_log.
    """
    if not person:
        with open_database(REPORT) as database:
            readings = report(database, consumer, month or Month.of(datetime.now(UTC)), action)
        _print(_READING, readings, as_json=as_json)
        return
    if consumer or month:
        raise click.UsageError("--person covers every consumer and every month")
    if not action.reason:
        raise click.UsageError("--person needs --reason: a case")
    identer = _identer()
    with open_database() as database:
        lookups = person_lookups(database, identer, action)
    _print(_PERSON_LOOKUP, lookups, as_json=as_json)


def _identer() -> list[str]:
    """Read the numbers from standard input: other users and the shell's history can see a command line."""
    text = click.prompt("Numbers of the person", hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    identer = str(text).split()
    if not 1 <= len(identer) <= _MAX_IDENTER or not all(map(_IDENT.fullmatch, identer)):
        raise click.UsageError("standard input must have 1 to 20 numbers of eleven digits")
    return identer


def _print(columns: tuple[str, ...], rows: Sequence[Reading | PersonLookup], *, as_json: bool) -> None:
    if as_json:
        print_json([row._asdict() for row in rows])
    else:
        print_table(columns, [list(map(_cell, row)) for row in rows])


def _cell(value: object) -> object:
    match value:
        case list():
            return ", ".join(value)
        case bool():
            return "yes" if value else "no"
        case _:
            return value
