"""`datadeling offsets`: the positions of the consumer, and new generations of offsets."""

import click

from datadeling.commands import terminal
from datadeling.operations import offsets as operations
from datadeling.operations.action import OperatorAction

_COLUMNS = (
    "partition", "generation", "next_offset", "low", "high", "lag", "unreadable_in_a_row", "historikk_fra",
    "updated_at",
)  # fmt: skip


@click.group()
def offsets() -> None:
    """Positions of the consumer on the partitions of the topic."""


@offsets.command("list")
@terminal.json_option
def list_offsets(as_json: bool) -> None:
    """List positions; with lag and watermarks from the broker when KAFKA_BROKERS is set."""
    with terminal.command_context() as context:
        topic = context.topic if context.settings.kafka else None
        rows = operations.list_positions(context.database, context.settings.topic, topic)
    terminal.print_rows(rows, _COLUMNS, as_json=as_json)


@offsets.command("new-generation")
@click.option("--from-beginning", "way", flag_value="again", help="Read the topic from its beginning.")
@click.option("--keep-offsets", "way", flag_value="keep", help="Continue at the stored offsets.")
@terminal.offsets_option(
    "--from-offset",
    "back_to",
    help="Keep offsets, but read partition P again from offset N. Repeat for several partitions.",
)
@terminal.reason_option()
@terminal.by_option
@terminal.json_option
def raise_generation(
    way: str | None, back_to: dict[int, int], reason: str | None, by: str, as_json: bool
) -> None:
    """Begin a new generation of offsets: partitions were added, or the topic was replaced.

    The running consumer follows by itself. Without an option the broker decides: if the topic is the one we
    have read before (partitions were added), offsets are kept; if it is another one (moved to another
    cluster, or deleted and created again), it is read from its beginning.
    """
    with terminal.command_context() as context:
        database, name = context.database, context.settings.topic
        again = None if way == "keep" else context.topic
        if again and way is None and not operations.is_another_topic(database, name, again):
            again = None
        if again and back_to:
            raise click.UsageError(
                "--from-offset needs kept offsets, but the topic is read from its beginning"
            )
        raised = operations.new_generation(database, name, again, OperatorAction(by, reason), back_to)
    if as_json:
        terminal.print_json(raised._asdict())
        return
    where = "from the beginning" if raised.from_beginning else "offsets kept"
    click.echo(f"generation {raised.generation}, {where}")
    for partition, next_offset in raised.next_offsets.items():
        click.echo(f"partition {partition} goes on at {next_offset}")
    if raised.carried:
        click.echo(f"{raised.carried} avtaler that were erased by hand stay erased")
