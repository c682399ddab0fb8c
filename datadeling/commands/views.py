"""`datadeling views`: the views for analysts in BigQuery."""

import os
from functools import partial
from pathlib import Path

import click

from datadeling import config
from datadeling.commands import terminal
from datadeling.db.mirror import mirrored_columns
from datadeling.domain.avtale import COLUMNS
from datadeling.errors import NotFound
from datadeling.mirror import check as checks
from datadeling.mirror.views import DATASET, VIEWS, create

FILES = Path(__file__).parents[2] / "mirror" / "views"
"""The views as files, in a checkout."""

_NAME = terminal.parsed(partial(terminal.matching, r"[\w-]{1,1024}"), "is not a valid name in Google Cloud")


@click.command()
@click.option("--check", is_flag=True, help="Fail if a column is forgotten, or mirror/views is outdated.")
@click.option("--apply", is_flag=True, help="Create or replace the views in BigQuery.")
@click.option("--print", "print_", is_flag=True, help="Print the views as SQL.")
@click.option("--project", type=_NAME, help="Google Cloud project; required by --apply.")
@click.option(
    "--dataset", default=DATASET, show_default=True, type=_NAME, help="Dataset of the mirrored table."
)
@click.option("--views-dataset", type=_NAME, help="Dataset of the views. Default: the same.")
def views(
    check: bool, apply: bool, print_: bool, project: str | None, dataset: str, views_dataset: str | None
) -> None:
    """Check, apply or print the views for analysts in BigQuery.

    --check needs a checkout; with DB_URL set, it also checks the table in the database. --print needs
    nothing. --apply signs in as Google's tools do (gcloud auth application-default login).
    """
    if check + apply + print_ != 1:
        raise click.UsageError("give one of --check, --apply and --print")
    if check:
        _check()
    elif print_:
        sql = [create(view, dataset=dataset, views_in=views_dataset, project=project) for view in VIEWS]
        click.echo("\n".join(sql), nl=False)
    elif project is None:
        raise click.UsageError("--apply needs --project")
    else:
        from datadeling.mirror import bigquery  # noqa: PLC0415 (an extra, and slow to import)

        applied = bigquery.apply(bigquery.connect(project), dataset, views_dataset or dataset)
        for name in applied.views:
            click.echo(f"replaced  {name}")
        for column in applied.unknown:
            click.echo(f"in no view  {column}: a newer release may know it", err=True)


def _check() -> None:
    if not FILES.is_dir():
        raise NotFound("mirror/views is not installed with the program: check in a checkout")
    faults = [*checks.forgotten(COLUMNS), *checks.idents(), *checks.outdated(FILES)]
    if os.environ.get("DB_URL"):
        columns = mirrored_columns(config.db_url(os.environ))
        faults += [f"database: {fault}" for fault in checks.forgotten(columns)]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(VIEWS)} views, {len(COLUMNS)} columns of avtale: none forgotten")
