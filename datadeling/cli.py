"""The command line. Our own errors become one line and an exit code.

Each command imports its modules when it runs: `serve` must patch and set the environment of prometheus-client
before anything imports psycopg or that library.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module

import click

from datadeling import config
from datadeling.errors import ConfigError, DatadelingError
from datadeling.log import configure_logging, masked_prose

# Each module of `commands` defines the command of the same name.
_OPERATOR = ("audit", "delete", "failed", "offsets", "prune", "replay", "verify", "views")
_EXTRAS = {"demo": "demo", "views": "bigquery"}  # what a command may lack, as an extra of the package


class _Commands(click.Group):
    """Commands of both kinds: those below, and those of an operator, whose modules are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_OPERATOR])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _OPERATOR:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"datadeling.commands.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            code, line = 130, "interrupted"  # as in shells
        except ConfigError as error:
            code, line = 2, str(error)
        except DatadelingError as error:
            code, line = 1, f"{type(error).__name__}: {masked_prose(str(error))}"
        except ModuleNotFoundError as error:
            if ctx.invoked_subcommand not in _EXTRAS:
                raise
            extra = _EXTRAS[ctx.invoked_subcommand]
            code, line = 2, f"this needs `pip install datadeling[{extra}]` ({error.name} is missing)"
        click.echo(f"datadeling: {line}", err=True)
        raise click.exceptions.Exit(code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="datadeling")
def main() -> None:
    """Share NAV's labour-market measures: from Kafka to PostgreSQL, and out by API and BigQuery."""


@main.command()
def consume() -> None:
    """Read the topic into PostgreSQL, until SIGTERM. Migrates the schema first."""
    settings = config.consumer_config(os.environ)
    configure_logging(config.log_format(os.environ))
    from datadeling.consumer.process import run_consumer
    from datadeling.operations.replay.runner import run_requested
    from datadeling.operations.retention import Pruner

    pruner = Pruner(settings.kafka.topic, settings.retention)
    run_consumer(settings, _on_signal, run_requested, pruner.step)


@main.command()
@click.option("--status", is_flag=True, help="List the migrations, applied and missing.")
@click.option("--remove-mirror", is_flag=True, help="Remove Datastream's slot, publication and rights.")
def migrate(status: bool, remove_mirror: bool) -> None:
    """Apply missing migrations, and set up the mirror. Safe beside other processes."""
    if status and remove_mirror:
        raise click.UsageError("give one of --status and --remove-mirror")
    url = config.db_url(os.environ)
    configure_logging(config.log_format(os.environ))
    from datadeling.db import migrate as schema

    if status:
        lines = [f"{'applied' if each.applied else 'missing'}  {each.id}" for each in schema.status(url)]
    elif remove_mirror:
        lines = [f"removed  {name}" for name in schema.remove_mirror(url)]
    else:
        lines = [f"applied  {name}" for name in schema.migrate(url)]
    for line in lines:
        click.echo(line)


@main.command()
def serve() -> None:
    """Serve lookups over HTTP, until SIGTERM."""
    from gevent import monkey

    monkey.patch_all()  # before psycopg is imported, which then chooses how it waits
    settings = config.api_config(os.environ)
    from datadeling.api.headers import add_call

    configure_logging(config.log_format(os.environ), [add_call])
    from datadeling.api.metrics_directory import metrics_directory

    with metrics_directory():
        from datadeling.api.server import run_api

        run_api(settings)


@main.command()
def run() -> None:
    """Run consume and serve until SIGTERM. When one ends, the other is ended. For the image."""
    config.consumer_config(os.environ)
    config.api_config(os.environ)
    configure_logging(config.log_format(os.environ))
    from datadeling.supervisor import supervise

    sys.exit(supervise({name: ["-m", "datadeling", name] for name in ("consume", "serve")}))


@main.command()
@click.option("--count", default=2_000, show_default=True, type=click.IntRange(min=1), help="Events to send.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65_535), help="API port.")
@click.option("--once", is_flag=True, help="Look up one person, compare with the events sent, exit 0 or 1.")
def demo(count: int, port: int, once: bool) -> None:
    """Run everything on this machine: PostgreSQL, Kafka, synthetic events, consumer, API."""
    from datadeling.demo.demo import run_demo

    sys.exit(run_demo(count, port, once=once))


def _on_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
