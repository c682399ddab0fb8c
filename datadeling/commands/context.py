"""Shared by commands: environment, options, output as a table or as JSON."""

import getpass
import json
import os
import re
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
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.db.database import Database
from datadeling.errors import ConfigError
from datadeling.log import configure_logging
from datadeling.operations.action import OperatorAction
from datadeling.pipeline.message import avtale_id_in

_F = TypeVar("_F", bound=Callable[..., Any])

_OFFSET = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)
_WIDE = 240  # columns, where there is no terminal to fit

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class CommandContext(NamedTuple):
    """Settings, database and topic of a command. `topic` is None when `KAFKA_BROKERS` is not set."""

    settings: config.OperatorConfig
    database: Database
    topic: Topic | None

    @property
    def name(self) -> str:
        """The topic's name."""
        return self.settings.topic

    @property
    def kafka(self) -> config.KafkaConfig:
        """Return the settings of the broker. Raise `ConfigError`."""
        if self.settings.kafka is None:
            raise ConfigError("KAFKA_BROKERS is not set")
        return self.settings.kafka


@contextmanager
def command_context() -> Iterator[CommandContext]:
    """Open the database and the topic of the environment. Raise `ConfigError`."""
    settings = config.operator_config(os.environ)
    configure_logging(config.log_format(os.environ))
    database = Database(settings.db_url, "datadeling operator")
    try:
        yield CommandContext(
            settings, database, Topic(settings.kafka, OPERATOR_TIMEOUT) if settings.kafka else None
        )
    finally:
        database.close()


@contextmanager
def tables() -> Iterator[Database]:
    """Open the database alone, for commands without a topic. Raise `ConfigError`."""
    url = config.db_url(os.environ)
    configure_logging(config.log_format(os.environ))
    database = Database(url, "datadeling operator")
    try:
        yield database
    finally:
        database.close()


def avtale_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Parse an avtaleId into the producer's form."""
    if value is None:
        return None
    found = avtale_id_in(value.strip().lower().encode())
    if not found:
        raise click.BadParameter("must be an avtaleId, a UUID")
    return found


def asked_by(_: click.Context, __: click.Parameter, value: str | None) -> str:
    """Return the name from the option, else the user of the operating system."""
    if value:
        return value
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container need not know its users
        return f"uid {os.getuid()}"


by_option = click.option(
    "--by", "asked_by", callback=asked_by, help="Your name, for the record. Default: the system's user."
)


def reason_option(*, required: bool) -> Callable[[_F], _F]:
    """Create the option `--reason`, recorded in `operator_log`."""
    return click.option("--reason", required=required, help="Reason, for the record. Name no persons.")


def asked(who: str, reason: str | None = None) -> OperatorAction:
    """Return the action to record. Raise `click.BadParameter` for a blank reason."""
    if reason is not None and not reason.strip():
        raise click.BadParameter("say why", param_hint="--reason")
    return OperatorAction(who, reason)


def offsets_given(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[int, int] | None:
    """Parse offsets by partition; None when there are none."""
    found = [_OFFSET.fullmatch(value) for value in values]
    if not all(found):
        raise click.BadParameter("must be partition:offset, such as 0:4711")
    return {int(match[1]): int(match[2]) for match in found if match} or None


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output, as wide as the terminal."""
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
