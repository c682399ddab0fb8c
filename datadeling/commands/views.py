"""`datadeling views`: print, check or make the views in BigQuery."""

from pathlib import Path

import click

from datadeling.errors import ConfigError
from datadeling.mirror.views import DATASET, LEFT_OUT, VIEWS, unaccounted

FILES = Path("mirror") / "views"
"""Where the text of the views is kept, from the top of the repository."""


@click.command()
@click.option("--print", "mode", flag_value="print", help="Show the statements. Needs nothing.")
@click.option(
    "--check", "mode", flag_value="check", help="Exit with 1 when a column is forgotten or a file is old."
)
@click.option("--write", "mode", flag_value="write", help=f"Write {FILES} anew.")
@click.option("--apply", "mode", flag_value="apply", help="Make or replace them; needs the extra bigquery.")
@click.option("--dataset", metavar="PROJECT.DATASET", help="Where Datastream puts the table `public_avtale`.")
@click.option("--into", metavar="PROJECT.DATASET", help="Where the views are to be; by default the same.")
def views(mode: str | None, dataset: str | None, into: str | None) -> None:
    """Print, check or make the views in BigQuery over what Datastream mirrors."""
    match mode:
        case "check":
            _check()
        case "write":
            for view in VIEWS:
                (FILES / f"{view.name}.sql").write_text(view.sql(), encoding="utf-8")
        case "apply":
            _apply(dataset, into)
        case _:
            for view in VIEWS:
                click.echo(view.sql(dataset or DATASET, into))


def _check() -> None:
    faults = [
        f"avtale.{name} is in no view; share it in domain/felt.py, or say in mirror/views.py why not"
        for name in unaccounted()
    ]
    faults += [
        f"{FILES / view.name}.sql is not what the code says: run datadeling views --write"
        for view in VIEWS
        if FILES.is_dir() and _text_of(FILES / f"{view.name}.sql") != view.sql()
    ]
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(VIEWS)} views; left out: {', '.join(LEFT_OUT)}")


def _text_of(file: Path) -> str | None:
    return file.read_text("utf-8") if file.is_file() else None


def _apply(dataset: str | None, into: str | None) -> None:
    if dataset is None or dataset.count(".") != 1 or (into is not None and into.count(".") != 1):
        raise ConfigError("--apply needs --dataset PROJECT.DATASET, and --into in the same form")
    try:
        from google.cloud import bigquery  # noqa: PLC0415 (an extra)

        from datadeling.mirror.bigquery import apply  # noqa: PLC0415
    except ModuleNotFoundError as error:
        missing = f"--apply needs `pip install datadeling[bigquery]` ({error.name} is missing)"
        raise ConfigError(missing) from None
    client = bigquery.Client(project=dataset.partition(".")[0])
    for name in apply(client, dataset, into or dataset):
        click.echo(f"made  {name}")
