"""Replaces the views in BigQuery. The only module that imports google-cloud-bigquery (extra `bigquery`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NamedTuple

from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from datadeling.errors import BigQueryRefused
from datadeling.mirror import check
from datadeling.mirror.views import LEFT_OUT, METADATA, PERSONAL, SOURCE, VIEWS, View, quoted

_TIMEOUT = 30.0  # seconds for each call
_ATTEMPTS = 3  # somebody else may change the same object meanwhile


class Applied(NamedTuple):
    """The full names of the views, and the columns of the mirrored table that are unknown to this release."""

    views: list[str]
    unknown: list[str]


def connect(project: str) -> bigquery.Client:
    """Return a client of the project, signed in by Google's own environment. Raise `BigQueryRefused`."""
    with _refused("signing in"):
        return bigquery.Client(project)


def apply(client: bigquery.Client, dataset: str, views_in: str) -> Applied:
    """Create or replace every view in `views_in` over the mirrored table in `dataset`. Blocks until done.

    A view is changed in place and never dropped, so that its readers keep their access. Safe to call again,
    also after an interruption. Changes nothing when the mirrored table lacks a column. Raise
    `BigQueryRefused`, with the name of the object that was refused.
    """
    source = f"{client.project}.{dataset}.{SOURCE}"
    with _refused(source):
        schema = client.get_table(source, timeout=_TIMEOUT).schema
    columns = {field.name: field.field_type for field in schema}
    if faults := list(check.mirrored(columns)):
        raise BigQueryRefused("; ".join(faults))
    names = []
    for view in VIEWS:
        name = f"{client.project}.{views_in}.{view.name}"
        with _refused(name):
            _retried(partial(_replace, client, view, name, source))
            _retried(partial(_describe, client, view, name))
        with _refused(f"{client.project}.{dataset}, to let {name} read it"):
            _retried(partial(_authorize, client, dataset, bigquery.TableReference.from_string(name)))
        names.append(name)
    known = {column.name for column in PERSONAL} | LEFT_OUT.keys() | {METADATA}
    return Applied(names, sorted(columns.keys() - known))


def _replace(client: bigquery.Client, view: View, name: str, source: str) -> None:
    """Write the query, description and labels. BigQuery drops the descriptions of the columns then."""
    try:
        table = client.get_table(name, timeout=_TIMEOUT)
        if table.table_type != "VIEW":
            raise BigQueryRefused(f"{name} is no view")
    except NotFound:
        table = bigquery.Table(name)
    table.view_query, table.description = view.query(quoted(source)), view.description
    table.labels = {**table.labels, **view.labels}  # keep the labels of others
    if table.etag is None:
        client.create_table(table, timeout=_TIMEOUT)
    else:
        client.update_table(table, ["view_query", "description", "labels"], timeout=_TIMEOUT)


def _describe(client: bigquery.Client, view: View, name: str) -> None:
    """Write the descriptions of the columns. In a call of its own: a view is not created with a schema."""
    table = client.get_table(name, timeout=_TIMEOUT)
    types = {field.name: field.field_type for field in table.schema}
    if types != {column.name: column.type for column in view.columns}:
        raise BigQueryRefused(f"{name} has other columns than it should: {', '.join(types)}")
    descriptions = {column.name: column.description for column in view.columns}
    fields = [{**field.to_api_repr(), "description": descriptions[field.name]} for field in table.schema]
    table.schema = [bigquery.SchemaField.from_api_repr(field) for field in fields]
    client.update_table(table, ["schema"], timeout=_TIMEOUT)


def _authorize(client: bigquery.Client, dataset: str, view: bigquery.TableReference) -> None:
    """Authorize the view on the dataset, so that its readers need no access to the table.

    The data marketplace does so itself for a view in the same dataset. An existing entry is written again,
    since a view that was replaced may have lost its authorization.
    """
    owner = client.get_dataset(dataset, timeout=_TIMEOUT)
    entry = bigquery.AccessEntry(role=None, entity_type="view", entity_id=view.to_api_repr())
    key = (entry.entity_type, entry.entity_id)
    others = [each for each in owner.access_entries if (each.entity_type, each.entity_id) != key]
    if view.dataset_id == dataset and len(others) == len(owner.access_entries):
        return
    owner.access_entries = [*others, entry]
    client.update_dataset(owner, ["access_entries"], timeout=_TIMEOUT)


def _retried(step: Callable[[], None]) -> None:
    """Run a step, and again from its read when somebody else has written in between."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(PreconditionFailed):
            return step()
    return step()


@contextmanager
def _refused(about: str) -> Iterator[None]:
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, ConnectionError) as error:
        raise BigQueryRefused(f"{about}: {getattr(error, 'message', None) or error}") from error
