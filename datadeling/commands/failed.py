"""`datadeling failed`: list, show, retry and discard messages that could not be read or stored."""

from base64 import b64encode
from collections import Counter

import click

from datadeling.commands import terminal
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.failed import FailedMessages
from datadeling.operations.masking import cut, readable, show_key, show_value
from datadeling.pipeline.store import FAILED_STATES

_COLUMNS = ("id", "state", "reason", "key", "value_bytes", "attempts", "created_at", "message")
_PLACE = terminal.parsed(Place.parse, "must be generation:partition:offset, as `failed list` prints it")


@click.group()
def failed() -> None:
    """Messages that could not be read or stored. An ID is generation:partition:offset."""


@failed.command("list")
@click.option("--state", type=click.Choice(FAILED_STATES), help="Only messages in this state.")
@click.option("--reason", help="Only messages with this reason code.")
@click.option("--limit", default=1_000, show_default=True, type=click.IntRange(min=1), help="Maximum number.")
@terminal.json_option
def list_failed(state: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """List failed messages, without their contents."""
    with terminal.command_context() as context:
        rows = FailedMessages(context.database, context.settings.topic).find(state, reason, limit)
    terminal.print_rows([{**row, "key": show_key(row["key"])} for row in rows], _COLUMNS, as_json=as_json)
    if not as_json:
        click.echo(f"{len(rows)} failed messages" + (" (there may be more)" if len(rows) == limit else ""))


@failed.command()
@click.argument("place", type=_PLACE, metavar="ID")
@click.option(
    "--unmask", is_flag=True, help="Print the message as it was sent. Personal data; your name is recorded."
)
@terminal.by_option
@terminal.json_option
def show(place: Place, unmask: bool, by: str, as_json: bool) -> None:
    """Show a message with its content. Values that could identify a person are masked."""
    with terminal.command_context() as context:
        messages = FailedMessages(context.database, context.settings.topic)
        shown = messages.unmask(place, OperatorAction(by)) if unmask else messages.show(place)
    key, value = shown["key"], shown.pop("value")
    shown |= {"key": readable(key) if unmask and key is not None else show_key(key), "masked": not unmask}
    content = None if value is None else readable(value) if unmask else cut(show_value(value))
    if as_json:
        whole = {"value_base64": b64encode(value).decode()} if unmask and value is not None else {}
        terminal.print_json({**shown, "value": content, **whole})
    else:
        terminal.print_table(("field", "value"), shown.items())
        click.echo("no value" if content is None else content)


@failed.command()
@click.argument("places", type=_PLACE, metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that are not resolved or discarded.")
@terminal.by_option
@terminal.json_option
def retry(places: tuple[Place, ...], every: bool, by: str, as_json: bool) -> None:
    """Retry messages, by the rules of the consumer. Exit code 1 when any still fails."""
    if every == bool(places):
        raise click.UsageError("give IDs, or --all")
    action = OperatorAction(by)
    with terminal.command_context() as context:
        messages = FailedMessages(context.database, context.settings.topic)
        if every:
            outcomes = messages.retry_all(action).outcomes
        else:
            outcomes = Counter(messages.retry(place, action) for place in places)
    if as_json:
        terminal.print_json(outcomes)
    else:
        counts = [f"{outcome} {count}" for outcome, count in sorted(outcomes.items())]
        click.echo(", ".join(counts) or "nothing to retry")
    if outcomes["failed"]:
        raise click.exceptions.Exit(1)


@failed.command()
@click.argument("places", type=_PLACE, metavar="ID...", nargs=-1, required=True)
@terminal.reason_option(required=True)
@terminal.by_option
def discard(places: tuple[Place, ...], reason: str, by: str) -> None:
    """Give messages up: delete their contents, and keep a record that they existed."""
    missing: list[str] = []
    with terminal.command_context() as context:
        messages = FailedMessages(context.database, context.settings.topic)
        for place in places:
            try:
                messages.discard(place, OperatorAction(by, reason))
                click.echo(f"discarded {place.text}")
            except NotFound as error:
                missing.append(str(error))
    if missing:
        raise NotFound("; ".join(missing))
