"""What several commands share: the environment, who asks, output as a table or as JSON."""

import getpass
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from datadeling import config
from datadeling.db.database import Database
from datadeling.ingest.topic import Topic
from datadeling.log import configure_logging
from datadeling.operations.asked import Asked

_F = TypeVar("_F", bound=Callable[..., Any])

_WIDE = 240  # columns, where there is no terminal to fit

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class Work(NamedTuple):
    """What a command works on. `topic` and `kafka` are None when `KAFKA_BROKERS` is not set."""

    database: Database
    name: str
    topic: Topic | None
    kafka: config.KafkaConfig | None


@contextmanager
def work() -> Iterator[Work]:
    """The database and the topic of the environment. Raise `ConfigError`."""
    settings = config.operator_config(os.environ)
    configure_logging(config.log_format(os.environ))
    database = Database(settings.db_url, "datadeling operator")
    try:
        topic = Topic(settings.kafka) if settings.kafka else None
        yield Work(database, settings.topic, topic, settings.kafka)
    finally:
        database.close()


def asked_by(_: click.Context, __: click.Parameter, value: str | None) -> str:
    """Who asks: as they say, else the user that the operating system knows."""
    if value:
        return value
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container need not know its users
        return f"uid {os.getuid()}"


by_option = click.option(
    "--by", "asked_by", callback=asked_by, help="Who asks; the system's user if left out."
)


def reason_option(*, required: bool) -> Callable[[_F], _F]:
    """Why; kept in `operator_log`."""
    return click.option("--reason", required=required, help="Why. Name no persons: it is kept.")


def asked(who: str, reason: str | None = None) -> Asked:
    """Who asks and why. Raise `click.BadParameter` for a reason that says nothing."""
    if reason is not None and not reason.strip():
        raise click.BadParameter("say why", param_hint="--reason")
    return Asked(who, reason)


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output, as wide as the terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # a code or an id cut short is of no use
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
