"""`datadeling audit`: which consumers read which fields, and who looked a person up."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from datadeling.commands.context import (
    asked,
    by_option,
    json_option,
    print_json,
    print_table,
    reason_option,
    tables,
)
from datadeling.db.tables.audit import PersonLookup, Reading
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
_MOST = 20  # numbers of one person
_TIMEOUT = 1_800.0  # seconds: somebody is waiting, and can end it


def _month(_: click.Context, __: click.Parameter, value: str | None) -> Month | None:
    try:
        return None if value is None else Month.parse(value)
    except ValueError:
        raise click.BadParameter("must be a month, such as 2026-11") from None


@click.command()
@click.option("--consumer", metavar="ID", help="Only the consumer with this client id (azp).")
@click.option("--month", callback=_month, metavar="YYYY-MM", help="Month in Oslo. Default: the present one.")
@click.option(
    "--person",
    is_flag=True,
    help="Instead: who has looked up the person whose 1 to 20 numbers are on standard input. Needs --reason.",
)
@reason_option(required=False)
@by_option
@json_option
def audit(
    consumer: str | None, month: Month | None, person: bool, reason: str | None, asked_by: str, as_json: bool
) -> None:
    """Show which consumers have read which fields under which purposes.

    Persons are counted, never named. Your use of this command is recorded in operator_log.
    """
    who = asked(asked_by, reason)
    if not person:
        _print(_READING, _readings(consumer, month or Month.of(datetime.now(UTC)), who), as_json=as_json)
    elif consumer or month:
        raise click.UsageError("--person looks at every consumer and every month")
    elif not reason:
        raise click.UsageError("--person needs --reason: a case")
    else:
        _print(_PERSON_LOOKUP, _person_lookups(_identer(), who), as_json=as_json)


def _readings(consumer: str | None, month: Month, who: OperatorAction) -> list[Reading]:
    with tables() as database:
        return report(database, consumer, month, who, timeout=_TIMEOUT)


def _person_lookups(identer: list[str], who: OperatorAction) -> list[PersonLookup]:
    with tables() as database:
        return person_lookups(database, identer, who)


def _identer() -> list[str]:
    """Read the numbers from standard input: a command line is visible to others and kept by shells."""
    given = click.prompt("Numbers of the person", hide_input=True) if sys.stdin.isatty() else sys.stdin.read()
    identer = str(given).split()
    if not 1 <= len(identer) <= _MOST or not all(map(_IDENT.fullmatch, identer)):
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
