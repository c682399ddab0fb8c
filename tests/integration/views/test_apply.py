"""`apply` creates and replaces the views by the real client of BigQuery, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import bigquery

from datadeling.errors import BigQueryRefused
from datadeling.mirror.bigquery import apply
from datadeling.mirror.views import DATASET, SOURCE, VIEWS
from tests.bigquery import BigQuery
from tests.integration.views.conftest import PROJECT

ELSEWHERE = "datadeling_views"
NAMES = [view.name for view in VIEWS]


def test_views_are_created_beside_the_table(cloud: BigQuery, client: bigquery.Client) -> None:
    applied = apply(client, DATASET, DATASET)

    assert applied.views == [f"{PROJECT}.{DATASET}.{name}" for name in NAMES]
    assert applied.unknown == []
    for view in VIEWS:
        stored = cloud.tables[DATASET, view.name]
        assert stored["type"] == "VIEW"
        assert stored["view"]["useLegacySql"] is False
        assert f"`{PROJECT}.{DATASET}.{SOURCE}`" in stored["view"]["query"]
        assert stored["description"] == view.description
        assert stored["labels"] == view.labels
        assert cloud.descriptions(DATASET, view.name) == {c.name: c.description for c in view.columns}
        assert [f["type"] for f in stored["schema"]["fields"]] == [c.type for c in view.columns]
    assert cloud.authorized(DATASET) == []


def test_existing_views_are_replaced_with_their_descriptions(
    cloud: BigQuery, client: bigquery.Client
) -> None:
    apply(client, DATASET, DATASET)
    for name in NAMES:
        old = cloud.tables[DATASET, name]
        old["view"]["query"], old["description"], old["labels"]["app"] = "SELECT 1 AS old", "old", "old"
        old["labels"]["theirs"] = "kept"
        old["schema"]["fields"] = [{"name": "old", "type": "INTEGER"}]
    cloud.requests.clear()

    apply(client, DATASET, DATASET)

    for view in VIEWS:
        stored = cloud.tables[DATASET, view.name]
        assert "old" not in stored["view"]["query"]
        assert stored["description"] == view.description
        assert stored["labels"] == {**view.labels, "theirs": "kept"}
        assert cloud.descriptions(DATASET, view.name) == {c.name: c.description for c in view.columns}
    # Views are not dropped, which would remove the rights to read them.
    assert {method for method, _ in cloud.requests} == {"GET", "PATCH"}


def test_views_in_another_dataset_are_authorized_to_read_the_table(
    cloud: BigQuery, client: bigquery.Client
) -> None:
    cloud.dataset(ELSEWHERE)
    apply(client, DATASET, ELSEWHERE)
    apply(client, DATASET, ELSEWHERE)

    assert cloud.authorized(DATASET) == [f"{PROJECT}.{ELSEWHERE}.{name}" for name in NAMES]  # once each
    assert cloud.authorized(ELSEWHERE) == []
    assert cloud.datasets[DATASET]["access"][0] == {"role": "OWNER", "specialGroup": "projectOwners"}
    assert all((ELSEWHERE, name) in cloud.tables and (DATASET, name) not in cloud.tables for name in NAMES)


def test_an_authorization_that_exists_already_is_restored(cloud: BigQuery, client: bigquery.Client) -> None:
    reference = {"projectId": PROJECT, "datasetId": DATASET, "tableId": NAMES[1]}
    cloud.datasets[DATASET]["access"].append({"view": reference})
    apply(client, DATASET, DATASET)

    assert cloud.authorized(DATASET) == [f"{PROJECT}.{DATASET}.{NAMES[1]}"]
    assert [of for method, of in cloud.requests if method == "PATCH"].count(DATASET) == 1


def _changed_by_another_user(resource: dict[str, Any]) -> Callable[[], None]:
    def change() -> None:
        resource["etag"] += "theirs"
        if "access" in resource:
            resource["access"].append({"role": "READER", "userByEmail": "nada@example.com"})

    return change


def test_concurrent_changes_by_another_user_are_kept(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.dataset(ELSEWHERE)
    apply(client, DATASET, ELSEWHERE)
    view, dataset = cloud.tables[ELSEWHERE, NAMES[0]], cloud.datasets[DATASET]
    cloud.before += [
        _changed_by_another_user(view),
        lambda: None,
        _changed_by_another_user(view),
        lambda: None,
        _changed_by_another_user(dataset),
    ]

    apply(client, DATASET, ELSEWHERE)

    assert {"role": "READER", "userByEmail": "nada@example.com"} in cloud.datasets[DATASET]["access"]
    assert len(cloud.authorized(DATASET)) == len(VIEWS)


def test_a_view_that_keeps_changing_is_given_up(cloud: BigQuery, client: bigquery.Client) -> None:
    apply(client, DATASET, DATASET)
    cloud.before += [_changed_by_another_user(cloud.tables[DATASET, NAMES[0]])] * 5
    with pytest.raises(BigQueryRefused, match=f"{NAMES[0]}: .*Precondition"):
        apply(client, DATASET, DATASET)
    assert len(cloud.before) == 2


def _without(column: str) -> Callable[[BigQuery], None]:
    def remove(cloud: BigQuery) -> None:
        schema = cloud.tables[DATASET, SOURCE]["schema"]
        schema["fields"] = [field for field in schema["fields"] if field["name"] != column]

    return remove


def _as_text(cloud: BigQuery) -> None:
    for field in cloud.tables[DATASET, SOURCE]["schema"]["fields"]:
        if field["name"] == "stillingprosent":
            field["type"] = "STRING"  # the type of an unbounded numeric


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        pytest.param(_without("opphav"), "public_avtale has no column opphav yet", id="column not there yet"),
        pytest.param(_as_text, "stillingprosent is STRING, not NUMERIC", id="another type"),
        pytest.param(lambda cloud: cloud.tables.clear(), f"{SOURCE}: .*Not found", id="no table"),
        pytest.param(lambda cloud: cloud.datasets.clear(), f"{SOURCE}: .*Not found", id="no dataset"),
    ],
)
def test_views_are_left_alone_when_the_table_has_other_columns_or_is_missing(
    spoil: Callable[[BigQuery], None], error: str, cloud: BigQuery, client: bigquery.Client
) -> None:
    spoil(cloud)
    with pytest.raises(BigQueryRefused, match=error):
        apply(client, DATASET, DATASET)
    assert {method for method, _ in cloud.requests} == {"GET"}


def test_a_missing_dataset_is_named(client: bigquery.Client) -> None:
    with pytest.raises(BigQueryRefused, match=f"{ELSEWHERE}.avtale: .*Dataset {PROJECT}:{ELSEWHERE}"):
        apply(client, DATASET, ELSEWHERE)


def test_a_table_with_the_name_of_a_view_is_left_alone(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.table(DATASET, "avtale", {"a": "STRING"})
    with pytest.raises(BigQueryRefused, match="avtale is no view"):
        apply(client, DATASET, DATASET)
    assert {method for method, _ in cloud.requests} == {"GET"}


def test_a_column_that_no_view_has_is_reported(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.tables[DATASET, SOURCE]["schema"]["fields"].append({"name": "ny_kolonne", "type": "STRING"})
    assert apply(client, DATASET, DATASET).unknown == ["ny_kolonne"]
