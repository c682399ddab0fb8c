"""Replaces the views in BigQuery. The only module that knows google-cloud-bigquery, the extra `bigquery`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from datadeling.errors import BigQueryRefused
from datadeling.mirror import check
from datadeling.mirror.columns import LEFT_OUT, METADATA, PERSONAL
from datadeling.mirror.ddl import quoted
from datadeling.mirror.views import SOURCE, VIEWS, View

_TIMEOUT = 30.0  # seconds a call
_TRIES = 3  # somebody else may change the same thing meanwhile


class Applied(NamedTuple):
    """What has been done: the views in full, and columns of the mirrored table that none of them knows of."""

    views: list[str]
    unknown: list[str]


def connect(project: str) -> bigquery.Client:
    """A client of the project, as whoever Google's own environment says. Raise `BigQueryRefused`."""
    with _refused("signing in"):
        return bigquery.Client(project)


def apply(client: bigquery.Client, dataset: str, views_in: str) -> Applied:
    """Make or replace every view in `views_in` over the table in `dataset`; blocks until it is done.

    A view is changed where it stands and never dropped, so who may read it still may. Called again, it does
    the same again: that is all that one which was cut off needs. Nothing has been changed when the mirrored
    table lacks a column. Raise `BigQueryRefused`, with the name of what it was about.
    """
    source = f"{client.project}.{dataset}.{SOURCE}"
    with _refused(source):
        columns = {
            field.name: field.field_type for field in client.get_table(source, timeout=_TIMEOUT).schema
        }
    if faults := list(check.mirrored(columns)):
        raise BigQueryRefused("; ".join(faults))
    names = []
    for view in VIEWS:
        name = f"{client.project}.{views_in}.{view.name}"
        with _refused(name):
            _again(partial(_replace, client, view, name, source))
            _again(partial(_describe, client, view, name))
        with _refused(f"{client.project}.{dataset}, to let {name} read it"):
            _again(partial(_authorize, client, dataset, bigquery.TableReference.from_string(name)))
        names.append(name)
    known = {column.name for column in PERSONAL} | LEFT_OUT.keys() | {METADATA}
    return Applied(names, sorted(columns.keys() - known))


def _replace(client: bigquery.Client, view: View, name: str, source: str) -> None:
    """The query, and what is told of the view. BigQuery forgets what was told of its columns."""
    query = view.query(quoted(source))
    try:
        table = client.get_table(name, timeout=_TIMEOUT)
    except NotFound:
        table = bigquery.Table(name)
        table.view_query, table.description, table.labels = query, view.description, dict(view.labels)
        client.create_table(table, timeout=_TIMEOUT)
        return
    if table.table_type != "VIEW":
        raise BigQueryRefused(f"{name} is no view")
    table.view_query, table.description = query, view.description
    table.labels = {**table.labels, **view.labels}  # others may have put theirs there
    client.update_table(table, ["view_query", "description", "labels"], timeout=_TIMEOUT)


def _describe(client: bigquery.Client, view: View, name: str) -> None:
    """What is told of the columns. Not in the same call: a view is not given with a schema."""
    table = client.get_table(name, timeout=_TIMEOUT)
    wanted = {column.name: column for column in view.columns}
    made = {field.name: field.field_type for field in table.schema}
    if made != {column.name: column.type for column in view.columns}:
        raise BigQueryRefused(f"{name} has other columns than it should: {', '.join(made)}")
    table.schema = [
        _described(field, {"description": wanted[field.name].description}) for field in table.schema
    ]
    client.update_table(table, ["schema"], timeout=_TIMEOUT)


def _described(field: bigquery.SchemaField, told: Mapping[str, str]) -> bigquery.SchemaField:
    return bigquery.SchemaField.from_api_repr({**field.to_api_repr(), **told})


def _authorize(client: bigquery.Client, dataset: str, view: bigquery.TableReference) -> None:
    """Let who may read the view read the table through it, as for a view in another dataset must be said.

    Of a view in the same dataset, the data marketplace says it. What has been said is said again, since a
    view that has changed may have lost it.
    """
    found = client.get_dataset(dataset, timeout=_TIMEOUT)
    entry = bigquery.AccessEntry(role=None, entity_type="view", entity_id=view.to_api_repr())
    others = [each for each in found.access_entries if not _is_same(each, entry)]
    if view.dataset_id == dataset and len(others) == len(found.access_entries):
        return
    found.access_entries = [*others, entry]
    client.update_dataset(found, ["access_entries"], timeout=_TIMEOUT)


def _is_same(one: bigquery.AccessEntry, other: bigquery.AccessEntry) -> bool:
    return (one.entity_type, one.entity_id) == (other.entity_type, other.entity_id)


def _again(step: Callable[[], None]) -> None:
    """Read and write anew when somebody else has written in between."""
    for _ in range(_TRIES - 1):
        try:
            return step()
        except PreconditionFailed:
            continue
    return step()


@contextmanager
def _refused(about: str) -> Iterator[None]:
    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, ConnectionError) as error:
        raise BigQueryRefused(f"{about}: {getattr(error, 'message', None) or error}") from error
