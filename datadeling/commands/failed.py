"""`datadeling failed`: list, show, retry and discard messages that could not be read or stored."""

import base64
from typing import Any

import click

from datadeling.commands.context import (
    command_context,
    json_option,
    operator_action,
    print_json,
    print_table,
)
from datadeling.db.rows import FailedRow
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.failed import FailedMessages
from datadeling.operations.masking import cut, readable, show_key, show_value
from datadeling.pipeline.store import FAILED_STATES


class _PlaceType(click.ParamType[Place]):
    name = "ID"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:  # noqa: ANN401
        numbers = str(value).split(":")
        if len(numbers) != 3 or not all(n.isascii() and n.isdigit() and len(n) < 19 for n in numbers):  # noqa: PLR2004
            self.fail("must be generation:partition:offset, as `failed list` prints it", param, ctx)
        return Place(*map(int, numbers))


_PLACE = _PlaceType()


@click.group()
def failed() -> None:
    """Messages that could not be read or stored. An ID is generation:partition:offset."""


@failed.command("list")
@click.option("--state", type=click.Choice(FAILED_STATES), help="Only messages in this state.")
@click.option("--reason", help="Only messages with this reason code.")
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(min=1), help="Maximum number.")
@json_option
def list_failed(state: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """List failed messages, without their contents."""
    with command_context() as context:
        rows = FailedMessages(context.database, context.settings.topic).find(state, reason, limit)
    if as_json:
        print_json([_as_dict(row) for row in rows])
        return
    print_table(
        ("ID", "state", "reason", "key", "bytes", "tries", "parked", "what is wrong"),
        [_as_cells(row) for row in rows],
    )
    click.echo(f"{len(rows)} failed messages" + (" (there may be more)" if len(rows) == limit else ""))


@failed.command()
@click.argument("place", type=_PLACE, metavar="ID")
@click.option(
    "--unmask", is_flag=True, help="Print the message as it was sent. Personal data; your name is recorded."
)
@operator_action()
@json_option
def show(place: Place, unmask: bool, action: OperatorAction, as_json: bool) -> None:
    """Show a message with its content. Values that could identify a person are masked."""
    with command_context() as context:
        messages = FailedMessages(context.database, context.settings.topic)
        row, value = messages.show(place, action if unmask else None)
    shown = _as_dict(row)
    if unmask:
        shown["key"] = None if row.key is None else readable(row.key)
    shown["value"] = None if value is None else readable(value) if unmask else cut(show_value(value))
    shown["masked"] = not unmask
    if as_json:
        if unmask and value is not None:
            shown["value_base64"] = base64.b64encode(value).decode()
        print_json(shown)
        return
    content = shown.pop("value")
    print_table(("field", "value"), list(shown.items()))
    click.echo("no value" if content is None else content)


@failed.command()
@click.argument("places", type=_PLACE, metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that are not resolved or discarded.")
@operator_action()
@json_option
def retry(places: tuple[Place, ...], every: bool, action: OperatorAction, as_json: bool) -> None:
    """Retry messages, by the rules of the consumer. Exit code 1 when any still fails."""
    if every == bool(places):
        raise click.UsageError("give IDs, or --all")
    outcomes: dict[str, int] = {}
    with command_context() as context:
        messages = FailedMessages(context.database, context.settings.topic)
        if every:
            outcomes = {str(outcome): n for outcome, n in sorted(messages.retry_all(action).outcomes.items())}
        for place in places:
            outcome = messages.retry(place, action)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
    if as_json:
        print_json(outcomes)
    else:
        click.echo(
            ", ".join(f"{outcome} {count}" for outcome, count in outcomes.items()) or "nothing to retry"
        )
    if outcomes.get("failed"):
        raise click.exceptions.Exit(1)


@failed.command()
@click.argument("places", type=_PLACE, metavar="ID...", nargs=-1, required=True)
@operator_action(with_reason="required")
def discard(places: tuple[Place, ...], action: OperatorAction) -> None:
    """Give messages up: delete their contents, and keep a record that they existed."""
    missing: list[str] = []
    with command_context() as context:
        messages = FailedMessages(context.database, context.settings.topic)
        for place in places:
            try:
                messages.discard(place, action)
                click.echo(f"discarded {place.text}")
            except NotFound as error:
                missing.append(str(error))
    if missing:
        raise NotFound("; ".join(missing))


def _as_cells(row: FailedRow) -> tuple[object, ...]:
    key = show_key(row.key)[:40]
    place, size = row.place.text, row.value_bytes
    return place, row.state, row.reason, key, size, row.attempts, row.created_at, row.message


def _as_dict(row: FailedRow) -> dict[str, Any]:
    return {"id": row.place.text, **row._asdict(), "key": show_key(row.key)}
