"""Shared by commands: environment, options, output as a table or as JSON."""

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar
from uuid import UUID

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from datadeling import config
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.db.connection import BACKGROUND, Limits
from datadeling.db.database import Database
from datadeling.errors import ConfigError
from datadeling.log import configure_logging

T = TypeVar("T")

_WIDE = 240  # columns of a table that is not printed on a terminal
_HEADINGS = {"id": "ID", "historikk_fra": "history from", "message": "what is wrong"}


class CommandContext(NamedTuple):
    """Settings and database of a command."""

    settings: config.OperatorConfig
    database: Database

    @property
    def kafka(self) -> config.KafkaConfig:
        """Return the settings of the broker. Raise `ConfigError`."""
        if self.settings.kafka is None:
            raise ConfigError("KAFKA_BROKERS is not set")
        return self.settings.kafka

    @property
    def topic(self) -> Topic:
        """Return the topic at the broker. Raise `ConfigError`."""
        return Topic(self.kafka, OPERATOR_TIMEOUT)


@contextmanager
def command_context() -> Iterator[CommandContext]:
    """Read the settings and open the database. Raise `ConfigError`."""
    settings = config.operator_config(os.environ)
    with open_database() as database:
        yield CommandContext(settings, database)


@contextmanager
def open_database(limits: Limits = BACKGROUND) -> Iterator[Database]:
    """Open the database alone, for commands without a topic. Raise `ConfigError`."""
    url = config.db_url(os.environ)
    configure_logging(config.log_format(os.environ))
    with closing(Database(url, "datadeling operator", limits)) as database:
        yield database


def parsed(parse: Callable[[str], T], fault: str) -> Callable[[str], T]:
    """Return a type of argument, for which click prints `fault` when `parse` raises `ValueError`."""

    def text(value: str) -> T:  # click's help has the name of this function, in capitals
        try:
            return parse(value)
        except ValueError:
            raise click.BadParameter(fault) from None

    return text


def matching(pattern: str, text: str) -> str:
    """Return a text that matches a pattern. Raise `ValueError`."""
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError("does not match")
    return text


def _offset(text: str) -> tuple[int, int]:
    partition, offset = map(int, matching(r"\d{1,9}:\d{1,18}", text).split(":"))
    return partition, offset


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the user of a container may have no name
        return f"uid {os.getuid()}"


AVTALE_ID = parsed(lambda text: str(UUID(text.strip())), "must be an avtaleId, a UUID")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")

by_option = click.option(
    "--by", default=_user, help="Your name, for the operator log. Default: the user of the operating system."
)

reason_option = partial(
    click.option,
    "--reason",
    type=parsed(partial(matching, r"(?s).*\S.*"), "must not be blank"),
    help="Reason, for the operator log. Do not name persons.",
)
"""`reason_option(required=True)`, or with no argument where a reason is optional."""

offsets_option = partial(
    click.option,
    type=parsed(_offset, "must be partition:offset, such as 0:4711"),
    multiple=True,
    callback=lambda _, __, pairs: dict(pairs),
    metavar="P:N",
)
"""An option for offsets of several partitions; the command gets them by partition."""


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=datetime.isoformat))


def print_rows(rows: Sequence[Mapping[str, object]], names: Sequence[str] = (), *, as_json: bool) -> None:
    """Print rows as JSON, or as a table of the values with these names, or of all of them."""
    if as_json:
        print_json(rows)
    else:
        names = names or list(rows[0] if rows else ())
        headings = [_HEADINGS.get(name, name.replace("_", " ")) for name in names]
        print_table(headings, [[row[name] for name in names] for row in rows])


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output, as wide as the terminal."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # codes and ids must not be cut short
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)
