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
from datadeling.pipeline.message import avtale_id_in

T = TypeVar("T")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""

_WIDE = 240  # columns of a table that is not printed on a terminal
_HEADINGS = {
    "attempts": "tries", "consumer_name": "name", "created_at": "parked", "finished_at": "ended",
    "historikk_fra": "history from", "id": "ID", "message": "what is wrong", "nav_ident": "user",
    "next_offset": "next", "requested_at": "asked for", "requested_by": "by", "tidspunkt": "time",
    "unreadable_in_a_row": "unreadable", "updated_at": "moved", "value_bytes": "bytes",
}  # fmt: skip


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


class Parsed(click.ParamType[T]):
    """A type of argument. When `parse` raises `ValueError`, click prints `fault`."""

    name = "text"

    def __init__(self, parse: Callable[[str], T], fault: str) -> None:
        self._parse = parse
        self._fault = fault

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Return the value that the command gets."""
        try:
            return self._parse(str(value))
        except ValueError:
            self.fail(self._fault, param, ctx)


def matching(pattern: str, text: str) -> str:
    """Return a text that matches a pattern. Raise `ValueError`."""
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError("does not match")
    return text


def integers(count: int, text: str) -> tuple[int, ...]:
    """Parse so many whole numbers with colons between them. Raise `ValueError`."""
    return tuple(map(int, matching(rf"\d{{1,18}}(:\d{{1,18}}){{{count - 1}}}", text).split(":")))


def _avtale_id(text: str) -> str:
    if avtale_id := avtale_id_in(text.strip().lower().encode()):
        return avtale_id
    raise ValueError("no UUID")


def _by_partition(
    _: click.Context, __: click.Parameter, pairs: tuple[tuple[int, int], ...]
) -> dict[int, int]:
    return dict(pairs)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the user of a container may have no name
        return f"uid {os.getuid()}"


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")

by_option = click.option(
    "--by", default=_user, help="Your name, for the operator log. Default: the user of the operating system."
)

reason_option = partial(
    click.option,
    "--reason",
    type=Parsed(partial(matching, r"(?s).*\S.*"), "must not be blank"),
    help="Reason, for the operator log. Do not name persons.",
)
"""`reason_option(required=True)`, or with no argument where a reason is optional."""

avtale_option = partial(
    click.option,
    "--avtale",
    "avtale_id",
    type=Parsed(_avtale_id, "must be an avtaleId, a UUID"),
    metavar="ID",
)

offsets_option = partial(
    click.option,
    type=Parsed(partial(integers, 2), "must be partition:offset, such as 0:4711"),
    multiple=True,
    callback=_by_partition,
    metavar="P:N",
)
"""An option for offsets of several partitions; the command gets them by partition."""


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=datetime.isoformat))


def print_rows(names: Sequence[str], rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows as JSON, or as a table of the values with these names."""
    if as_json:
        print_json(rows)
    else:
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
