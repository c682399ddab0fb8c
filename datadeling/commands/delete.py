"""`datadeling delete`: erase an avtale by hand."""

import click

from datadeling.commands import terminal
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase


@click.command()
@click.option(
    "--avtale", "avtale_id", type=terminal.AVTALE_ID, required=True, metavar="ID", help="The avtaleId."
)
@terminal.reason_option(required=True)
@terminal.by_option
@terminal.json_option
def delete(avtale_id: str, reason: str, by: str, as_json: bool) -> None:
    """Erase an avtale, its history and its failed messages. A marker keeps replays from restoring it.

    Messages of the avtale that the consumer has not read yet, or that are sent later, restore it.
    """
    with terminal.command_context() as context:
        erased = erase(context.database, context.settings.topic, avtale_id, OperatorAction(by, reason))
    if as_json:
        terminal.print_json({"avtale_id": avtale_id, **erased._asdict(), "marker": erased.marker.text})
        return
    click.echo(
        f"erased {avtale_id}: {erased.avtaler} avtale, {erased.versions} earlier versions,"
        f" {erased.failed} failed messages; marker at {erased.marker.text}"
    )
