"""`datadeling offsets`: the positions of the consumer, and new generations of offsets."""

import click

from datadeling.commands.context import (
    CommandContext,
    command_context,
    json_option,
    operator_action,
    parse_offsets,
    print_json,
    print_table,
)
from datadeling.consumer.topic import Topic
from datadeling.errors import ConfigError
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import PartitionPosition, is_another_topic, list_positions, new_generation

_COLUMNS = {
    "partition": "partition",
    "generation": "generation",
    "next": "next_offset",
    "low": "low",
    "high": "high",
    "lag": "lag",
    "unreadable": "unreadable_in_a_row",
    "history from": "historikk_fra",
    "moved": "updated_at",
}


@click.group()
def offsets() -> None:
    """Positions of the consumer on the partitions of the topic."""


@offsets.command("list")
@json_option
def list_offsets(as_json: bool) -> None:
    """List positions; with lag and watermarks from the broker when KAFKA_BROKERS is set."""
    with command_context() as context:
        found = list_positions(context.database, context.settings.topic, context.topic)
    rows = [_as_dict(position) for position in found]
    if as_json:
        print_json(rows)
    else:
        print_table(list(_COLUMNS), [[row[name] for name in _COLUMNS.values()] for row in rows])


@offsets.command("new-generation")
@click.option("--from-beginning", "way", flag_value="again", help="Read the topic from its beginning.")
@click.option("--keep-offsets", "way", flag_value="keep", help="Continue at the stored offsets.")
@click.option(
    "--from-offset",
    "back_to",
    multiple=True,
    callback=parse_offsets,
    metavar="P:N",
    help="Keep offsets, but read partition P again from offset N. Repeat for several partitions.",
)
@operator_action(with_reason="optional")
@json_option
def raise_generation(
    way: str | None, back_to: dict[int, int] | None, action: OperatorAction, as_json: bool
) -> None:
    """Begin a new generation of offsets: partitions were added, or the topic was replaced.

    The running consumer follows by itself. Without an option the broker decides: if the topic is the one we
    have read before (partitions were added), offsets are kept; if it is another one (moved to another
    cluster, or deleted and created again), it is read from its beginning.
    """
    with command_context() as context:
        again = _topic_to_reread(context, way)
        if again is not None and back_to:
            raise click.UsageError(
                "--from-offset needs kept offsets, but the topic is read from its beginning"
            )
        raised = new_generation(context.database, context.settings.topic, again, action, back_to)
    if as_json:
        print_json(raised._asdict())
        return
    where = "from the beginning" if raised.from_beginning else "offsets kept"
    click.echo(f"generation {raised.generation}, {where}")
    for partition, next_offset in raised.next_offsets.items():
        click.echo(f"partition {partition} goes on at {next_offset}")
    if raised.carried:
        click.echo(f"{raised.carried} avtaler that were erased by hand stay erased")


def _topic_to_reread(context: CommandContext, way: str | None) -> Topic | None:
    """Return the topic to read from its beginning; None when offsets are kept."""
    if way == "keep":
        return None
    if context.topic is None:
        raise ConfigError("KAFKA_BROKERS is not set: only --keep-offsets works without the broker")
    if way == "again" or is_another_topic(context.database, context.settings.topic, context.topic):
        return context.topic
    return None


def _as_dict(position: PartitionPosition) -> dict[str, object]:
    low, high = position.watermarks or (None, None)
    row = position.row
    return {
        "partition": row.partition,
        "generation": row.generation,
        "next_offset": row.next_offset,
        "low": low,
        "high": high,
        "lag": position.lag,
        "unreadable_in_a_row": row.unreadable_in_a_row,
        "historikk_fra": row.historikk_fra,
        "updated_at": row.updated_at,
        "topic_id": row.topic_id,
    }
