"""`datadeling delete`: erase an avtale by hand."""

from typing import Any

import click

from datadeling.commands.common import asked, by_option, json_option, print_json, reason_option, work
from datadeling.ingest.melding import avtale_id_in
from datadeling.operations.erase import erase


def _avtale_id(_: click.Context, __: click.Parameter, value: Any) -> str:  # noqa: ANN401
    avtale_id = avtale_id_in(str(value).strip().lower().encode())
    if not avtale_id:
        raise click.BadParameter("must be an avtaleId, a UUID")
    return avtale_id


@click.command()
@click.option("--avtale", "avtale_id", required=True, callback=_avtale_id, metavar="ID", help="The avtaleId.")
@reason_option(required=True)
@by_option
@json_option
def delete(avtale_id: str, reason: str, asked_by: str, as_json: bool) -> None:
    """Erase an avtale, its history and its failed messages; a marker lets no replay bring it back.

    Messages of the avtale that have not been read yet, or are sent later, make it appear again.
    """
    who = asked(asked_by, reason)
    with work() as on:
        erased = erase(on.database, on.name, avtale_id, who)
    if as_json:
        print_json({"avtale_id": avtale_id, **erased._asdict(), "marker": erased.marker.text})
        return
    click.echo(
        f"erased {avtale_id}: {erased.avtaler} avtale, {erased.versions} earlier versions,"
        f" {erased.failed} failed messages; marker at {erased.marker.text}"
    )
