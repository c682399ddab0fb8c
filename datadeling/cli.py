"""The commands: environment in, one process out, and our own errors as one line and an exit code.

Every command imports what it needs when it runs: `serve` must set the environment of prometheus-client before
anything imports it.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from types import FrameType

import click

from datadeling import config
from datadeling.errors import ConfigError, DatadelingError
from datadeling.log import configure_logging, masked

# Modules of `commands`, and what each defines.
_OPERATOR = ("audit", "delete", "failed", "offsets", "prune", "replay", "verify", "views")


class _Commands(click.Group):
    """Turns our own exceptions into one line and an exit code, and never shows a traceback for them.

    The commands of an operator have modules of their own, imported when one of them is called for.
    """

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
        except ConfigError as error:
            click.echo(f"datadeling: {error}", err=True)
            ctx.exit(2)
        except DatadelingError as error:
            click.echo(f"datadeling: {type(error).__name__}: {masked(str(error))}", err=True)
            ctx.exit(1)


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
    from datadeling.operations.replay.background import Background
    from datadeling.operations.retention import Pruner

    pruner = Pruner(settings.kafka.topic, settings.retention)
    run_consumer(settings, _on_signal, Background(settings), pruner.step)


@main.command()
@click.option("--status", is_flag=True, help="List the migrations and what has been applied.")
@click.option("--remove-mirror", is_flag=True, help="Undo what Datastream reads: slot, publication, rights.")
def migrate(status: bool, remove_mirror: bool) -> None:
    """Apply the migrations that the database lacks, and set the mirror up. Safe beside other processes."""
    if status and remove_mirror:
        raise click.UsageError("give one of --status and --remove-mirror")
    url = config.db_url(os.environ)
    configure_logging(config.log_format(os.environ))
    from datadeling.db import migrate as schema

    if status:
        for migration in schema.status(url):
            click.echo(f"{'applied' if migration.applied else 'missing'}  {migration.id}")
    elif remove_mirror:
        for what in schema.remove_mirror(url):
            click.echo(f"removed  {what}")
    else:
        for name in schema.migrate(url):
            click.echo(f"applied  {name}")


@main.command()
def serve() -> None:
    """Answer lookups over HTTP, until SIGTERM."""
    from gevent import monkey

    monkey.patch_all()  # before anything imports psycopg, which chooses then how it waits
    settings = config.api_config(os.environ)
    from datadeling.api.security.context import add_call

    configure_logging(config.log_format(os.environ), [add_call])
    from datadeling.api.metrics_directory import metrics_directory

    with metrics_directory():
        from datadeling.api.server import run_api

        run_api(settings)


@main.command()
def run() -> None:
    """Both of them, consume and serve, until SIGTERM; when one ends, so does the other. For the image."""
    config.consumer_config(os.environ)
    config.api_config(os.environ)
    configure_logging(config.log_format(os.environ))
    from datadeling.supervisor import supervise

    sys.exit(supervise({name: ["-m", "datadeling", name] for name in ("consume", "serve")}))


@main.command()
@click.option("--count", default=2_000, show_default=True, type=click.IntRange(min=1), help="Events to send.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(1, 65_535), help="Port of the API."
)
@click.option("--once", is_flag=True, help="Look one person up, compare with what was sent, exit 0 or 1.")
def demo(count: int, port: int, once: bool) -> None:
    """Run all of it on this machine: PostgreSQL, Kafka, synthetic events, consumer, API."""
    try:
        from datadeling.demo.demo import run_demo
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the demo needs `pip install datadeling[demo]` ({error.name} is missing)"
        ) from None
    sys.exit(run_demo(count, port, once=once))


def _on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and on Ctrl-C."""

    def handle(_: int, __: FrameType | None) -> None:
        stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
