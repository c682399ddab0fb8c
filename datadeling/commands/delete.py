"""`datadeling delete`: erase an avtale by hand."""

import click

from datadeling.commands.context import (
    asked,
    avtale_id,
    by_option,
    command_context,
    json_option,
    print_json,
    reason_option,
)
from datadeling.operations.erase import erase


@click.command()
@click.option("--avtale", "erased_id", required=True, callback=avtale_id, metavar="ID", help="The avtaleId.")
@reason_option(required=True)
@by_option
@json_option
def delete(erased_id: str, reason: str, asked_by: str, as_json: bool) -> None:
    """Erase an avtale, its history and its failed messages; a marker lets no replay bring it back.

    Messages of the avtale that have not been read yet, or are sent later, make it appear again.
    """
    who = asked(asked_by, reason)
    with command_context() as on:
        erased = erase(on.database, on.name, erased_id, who)
    if as_json:
        print_json({"avtale_id": erased_id, **erased._asdict(), "marker": erased.marker.text})
        return
    click.echo(
        f"erased {erased_id}: {erased.avtaler} avtale, {erased.versions} earlier versions,"
        f" {erased.failed} failed messages; marker at {erased.marker.text}"
    )
