"""`datadeling views`: the views for analysts in BigQuery."""

import os
import re
from pathlib import Path

import click

from datadeling import config
from datadeling.db.mirror import mirrored_columns
from datadeling.domain.avtale import COLUMNS
from datadeling.errors import ConfigError, NotFound
from datadeling.mirror import check as checks
from datadeling.mirror.views import DATASET, VIEWS, create

FILES = Path(__file__).parents[2] / "mirror" / "views"
"""Where the views stand as files, in a checkout."""

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", re.ASCII)
_DATASET = re.compile(r"\w{1,1024}", re.ASCII)


def _name(pattern: re.Pattern[str]) -> object:
    def checked(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
        if value is not None and not pattern.fullmatch(value):
            raise click.BadParameter("is no name that Google Cloud takes")
        return value

    return checked


@click.command()
@click.option(
    "--check", is_flag=True, help="Fail when a column is forgotten, or a file in mirror/views is old."
)
@click.option("--apply", is_flag=True, help="Make or replace the views in BigQuery.")
@click.option("--print", "print_", is_flag=True, help="Print the views as SQL.")
@click.option("--project", callback=_name(_PROJECT), help="The Google Cloud project; --apply needs it.")
@click.option(
    "--dataset", default=DATASET, show_default=True, callback=_name(_DATASET), help="Has the mirrored table."
)
@click.option("--views-dataset", callback=_name(_DATASET), help="Where the views go; the same if left out.")
def views(
    check: bool, apply: bool, print_: bool, project: str | None, dataset: str, views_dataset: str | None
) -> None:
    """Check, apply or print the views in BigQuery, for analysts. One of the three.

    --check needs a checkout and nothing else; where DB_URL is set, it looks at the database's own table, too.
    --print needs nothing. --apply signs in as Google's tools do (gcloud auth application-default login).
    """
    if check + apply + print_ != 1:
        raise click.UsageError("give one of --check, --apply and --print")
    if check:
        _check()
    elif apply:
        if project is None:
            raise click.UsageError("--apply needs --project")
        _apply(project, dataset, views_dataset or dataset)
    else:
        statements = (
            create(view, dataset=dataset, views_in=views_dataset, project=project) for view in VIEWS
        )
        click.echo("\n".join(statements), nl=False)


def _check() -> None:
    if not FILES.is_dir():
        raise NotFound("mirror/views is not installed with the program: check in a checkout")
    faults = [*checks.forgotten(COLUMNS), *checks.idents(), *checks.outdated(FILES)]
    if os.environ.get("DB_URL"):
        faults += [
            f"database: {fault}" for fault in checks.forgotten(mirrored_columns(config.db_url(os.environ)))
        ]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        click.get_current_context().exit(1)
    click.echo(f"{len(VIEWS)} views, {len(COLUMNS)} columns of avtale: none forgotten")


def _apply(project: str, dataset: str, views_in: str) -> None:
    try:
        from datadeling.mirror import bigquery  # noqa: PLC0415 (an extra, and slow to import)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--apply needs `pip install datadeling[bigquery]` ({error.name} is missing)"
        ) from None
    applied = bigquery.apply(bigquery.connect(project), dataset, views_in)
    for name in applied.views:
        click.echo(f"replaced  {name}")
    for column in applied.unknown:
        click.echo(f"in no view  {column}: a newer release may know it", err=True)
