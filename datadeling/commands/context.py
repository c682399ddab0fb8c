"""Shared by commands: environment, options, output as a table or as JSON."""

import getpass
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, Literal, NamedTuple

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
from datadeling.operations.action import OperatorAction
from datadeling.pipeline.message import avtale_id_in

INTERRUPTED = 130
"""Exit code after Ctrl-C, as in shells."""

_OFFSET = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)
_WIDE = 240  # columns of a table that is not printed on a terminal

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


class CommandContext(NamedTuple):
    """Settings, database and topic of a command. `topic` is None when `KAFKA_BROKERS` is not set."""

    settings: config.OperatorConfig
    database: Database
    topic: Topic | None

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
    with open_database() as database:
        yield CommandContext(
            settings, database, Topic(settings.kafka, OPERATOR_TIMEOUT) if settings.kafka else None
        )


@contextmanager
def open_database(limits: Limits = BACKGROUND) -> Iterator[Database]:
    """Open the database alone, for commands without a topic. Raise `ConfigError`."""
    url = config.db_url(os.environ)
    configure_logging(config.log_format(os.environ))
    with closing(Database(url, "datadeling operator", limits)) as database:
        yield database


def operator_action(*, with_reason: Literal["required", "optional"] | None = None) -> Callable[..., Any]:
    """Add the options `--by` and `--reason` to a command, which gets both as `action`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(*, requested_by: str, reason: str | None = None, **options: object) -> None:
            command(action=OperatorAction(requested_by, reason), **options)

        run = click.option(
            "--by",
            "requested_by",
            callback=_requested_by,
            help="Your name, for the operator log. Default: the user of the operating system.",
        )(run)
        if with_reason:
            run = click.option(
                "--reason",
                required=with_reason == "required",
                callback=_reason,
                help="Reason, for the operator log. Do not name persons.",
            )(run)
        return run

    return decorate


def _requested_by(_: click.Context, __: click.Parameter, value: str | None) -> str:
    if value:
        return value
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the user of a container may have no name
        return f"uid {os.getuid()}"


def _reason(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("must not be blank")
    return value


def parse_avtale_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Parse an avtaleId into the producer's form. A callback of click."""
    if value is None:
        return None
    avtale_id = avtale_id_in(value.strip().lower().encode())
    if not avtale_id:
        raise click.BadParameter("must be an avtaleId, a UUID")
    return avtale_id


def parse_offsets(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[int, int] | None:
    """Parse offsets by partition; None when there are none. A callback of click."""
    matches = [_OFFSET.fullmatch(value) for value in values]
    if not all(matches):
        raise click.BadParameter("must be partition:offset, such as 0:4711")
    return {int(match[1]): int(match[2]) for match in matches if match} or None


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_json_value))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on standard output, as wide as the terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # codes and ids must not be cut short
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


def _json_value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
