"""`datadeling delete`: erase an avtale by hand."""

import click

from datadeling.commands.context import (
    command_context,
    json_option,
    operator_action,
    parse_avtale_id,
    print_json,
)
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase


@click.command()
@click.option(
    "--avtale", "avtale_id", required=True, callback=parse_avtale_id, metavar="ID", help="The avtaleId."
)
@operator_action(with_reason="required")
@json_option
def delete(avtale_id: str, action: OperatorAction, as_json: bool) -> None:
    """Erase an avtale, its history and its failed messages. A marker keeps replays from restoring it.

    Messages of the avtale that the consumer has not read yet, or that are sent later, restore it.
    """
    with command_context() as context:
        erased = erase(context.database, context.settings.topic, avtale_id, action)
    if as_json:
        print_json({"avtale_id": avtale_id, **erased._asdict(), "marker": erased.marker.text})
        return
    click.echo(
        f"erased {avtale_id}: {erased.avtaler} avtale, {erased.versions} earlier versions,"
        f" {erased.failed} failed messages; marker at {erased.marker.text}"
    )
