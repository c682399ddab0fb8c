"""Makes the views in BigQuery. Needs the extra `bigquery`; nothing else imports it."""

from collections.abc import Iterator

from google.cloud import bigquery

from datadeling.mirror.views import VIEWS, View


def apply(client: bigquery.Client, source: str, into: str) -> Iterator[str]:
    """Make or replace every view over the dataset `source` in the dataset `into`; yields each when done.

    Both are `project.dataset`. Blocks. Raises what google-cloud-bigquery raises. Can be run again: views that
    have been made stay, and those that read another dataset are allowed to once.
    """
    for view in VIEWS:
        client.query(view.sql(source, into)).result()
        made = client.get_table(f"{into}.{view.name}")
        _describe(client, made, view)
        if source != into:
            _allow(client, source, made)
        yield f"{into}.{view.name}"


def _describe(client: bigquery.Client, made: bigquery.Table, view: View) -> None:
    """Replacing a view can take its descriptions away: say them once more, by the API."""
    made.schema = [
        bigquery.SchemaField(column.name, column.type, description=column.description)
        for column in view.columns
    ]
    made.description = view.description
    made.labels = dict(view.labels)
    client.update_table(made, ["schema", "description", "labels"])


def _allow(client: bigquery.Client, source: str, made: bigquery.Table) -> None:
    """Let a view in another dataset read the tables, whoever asks it. Other entries stay."""
    dataset = client.get_dataset(source)
    entry = bigquery.AccessEntry(None, "view", made.reference.to_api_repr())
    if entry not in dataset.access_entries:
        dataset.access_entries = [*dataset.access_entries, entry]
        client.update_dataset(dataset, ["access_entries"])
