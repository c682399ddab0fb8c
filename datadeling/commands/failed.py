"""`datadeling failed`: look at messages that could not be read or stored, and handle them."""

import base64
from typing import Any

import click

from datadeling.commands.context import (
    asked,
    by_option,
    command_context,
    json_option,
    print_json,
    print_table,
    reason_option,
)
from datadeling.db.tables.operator import FailedRow
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
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
@click.option("--state", type=click.Choice(FAILED_STATES), help="Only those in this state.")
@click.option("--reason", help="Only those with this reason code.")
@click.option(
    "--limit", default=1_000, show_default=True, type=click.IntRange(min=1), help="At most so many."
)
@json_option
def list_failed(state: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """List them, without their contents."""
    with command_context() as on:
        rows = FailedMessages(on.database, on.name).find(state, reason, limit)
    if as_json:
        print_json([_as_dict(row) for row in rows])
        return
    columns = ("ID", "state", "reason", "key", "bytes", "tries", "parked", "what is wrong")
    print_table(
        columns,
        [
            (
                r.place.text,
                r.state,
                r.reason,
                show_key(r.key)[:40],
                r.value_bytes,
                r.attempts,
                r.created_at,
                r.message,
            )
            for r in rows
        ],
    )
    click.echo(f"{len(rows)} failed messages" + (" (there may be more)" if len(rows) == limit else ""))


@failed.command()
@click.argument("place", type=_PLACE, metavar="ID")
@click.option(
    "--unmask", is_flag=True, help="Print the message as it came. Personal data; who asked is kept."
)
@by_option
@json_option
def show(place: Place, unmask: bool, asked_by: str, as_json: bool) -> None:
    """Show one, with its content; what could point out a person is hidden."""
    with command_context() as on:
        row, value = FailedMessages(on.database, on.name).show(place, asked(asked_by) if unmask else None)
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
@click.option("--all", "every", is_flag=True, help="All that have not been resolved or discarded.")
@by_option
@json_option
def retry(places: tuple[Place, ...], every: bool, asked_by: str, as_json: bool) -> None:
    """Try them once more, by the rules of the live path. Exit code 1 when any still fails."""
    if every == bool(places):
        raise click.UsageError("give IDs, or --all")
    outcomes: dict[str, int] = {}
    who = asked(asked_by)
    with command_context() as on:
        messages = FailedMessages(on.database, on.name)
        if every:
            outcomes = {str(outcome): n for outcome, n in sorted(messages.retry_all(who).outcomes.items())}
        for place in places:
            outcome = messages.retry(place, who)
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
@reason_option(required=True)
@by_option
def discard(places: tuple[Place, ...], reason: str, asked_by: str) -> None:
    """Let them go: their contents are deleted, that they were there is kept."""
    who = asked(asked_by, reason)
    missing: list[str] = []
    with command_context() as on:
        messages = FailedMessages(on.database, on.name)
        for place in places:
            try:
                messages.discard(place, who)
                click.echo(f"discarded {place.text}")
            except NotFound as error:
                missing.append(str(error))
    if missing:
        raise NotFound("; ".join(missing))


def _as_dict(row: FailedRow) -> dict[str, Any]:
    rest = row._asdict()
    rest["key"] = show_key(row.key)
    return {"id": row.place.text, **rest}
