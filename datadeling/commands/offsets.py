"""`datadeling offsets`: where the consumer stands, and how offsets get a new meaning."""

import click

from datadeling.commands.context import (
    CommandContext,
    asked,
    by_option,
    command_context,
    json_option,
    offsets_given,
    print_json,
    print_table,
    reason_option,
)
from datadeling.consumer.topic import Topic
from datadeling.errors import ConfigError
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
    """Where the consumer stands on each partition."""


@offsets.command("list")
@json_option
def list_offsets(as_json: bool) -> None:
    """List positions, with what the broker says of the partitions when KAFKA_BROKERS is set."""
    with command_context() as on:
        found = [_as_dict(one) for one in list_positions(on.database, on.name, on.topic)]
    if as_json:
        print_json(found)
    else:
        print_table(list(_COLUMNS), [[row[name] for name in _COLUMNS.values()] for row in found])


@offsets.command("new-generation")
@click.option("--from-beginning", "way", flag_value="again", help="Read the topic from its beginning.")
@click.option("--keep-offsets", "way", flag_value="keep", help="Go on at the stored offsets.")
@click.option(
    "--from-offset",
    "back_to",
    multiple=True,
    callback=offsets_given,
    metavar="P:N",
    help="Keep offsets, but read partition P again from offset N; may be given for several.",
)
@reason_option(required=False)
@by_option
@json_option
def raise_generation(
    way: str | None, back_to: dict[int, int] | None, reason: str | None, asked_by: str, as_json: bool
) -> None:
    """Say that offsets have a new meaning: partitions were added, or the topic is another one.

    The live consumer takes it up by itself. Left to itself the command asks the broker: for the topic that we
    know the offsets stay (partitions were added); another one (moved to another cluster, or deleted and made
    anew) is read from its beginning.
    """
    who = asked(asked_by, reason)
    with command_context() as on:
        again = _to_read_again(on, way)
        if again is not None and back_to:
            raise click.UsageError("--from-offset goes with kept offsets: this reads all from its beginning")
        raised = new_generation(on.database, on.name, again, who, back_to)
    if as_json:
        print_json(raised._asdict())
        return
    where = "from the beginning" if raised.from_beginning else "offsets kept"
    click.echo(f"generation {raised.generation}, {where}")
    for partition, next_offset in raised.next_offsets.items():
        click.echo(f"partition {partition} goes on at {next_offset}")
    if raised.carried:
        click.echo(f"{raised.carried} avtaler that were erased by hand stay erased")


def _to_read_again(on: CommandContext, way: str | None) -> Topic | None:
    """The topic that is to be read from its beginning, None when offsets are kept."""
    if way == "keep":
        return None
    if on.topic is None:
        raise ConfigError("KAFKA_BROKERS is not set: only --keep-offsets can do without the broker")
    if way == "again" or is_another_topic(on.database, on.name, on.topic):
        return on.topic
    return None


def _as_dict(one: PartitionPosition) -> dict[str, object]:
    low, high = one.watermarks or (None, None)
    row = one.row
    return {
        "partition": row.partition,
        "generation": row.generation,
        "next_offset": row.next_offset,
        "low": low,
        "high": high,
        "lag": one.lag,
        "unreadable_in_a_row": row.unreadable_in_a_row,
        "historikk_fra": row.historikk_fra,
        "updated_at": row.updated_at,
        "topic_id": row.topic_id,
    }
