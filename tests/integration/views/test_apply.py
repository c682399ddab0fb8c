"""The real client of BigQuery replaces the views, over HTTP."""

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


def test_views_are_made_beside_the_table(cloud: BigQuery, client: bigquery.Client) -> None:
    applied = apply(client, DATASET, DATASET)

    assert applied.views == [f"{PROJECT}.{DATASET}.{name}" for name in NAMES]
    assert applied.unknown == []
    for view in VIEWS:
        made = cloud.tables[DATASET, view.name]
        assert made["type"] == "VIEW"
        assert made["view"]["useLegacySql"] is False
        assert f"`{PROJECT}.{DATASET}.{SOURCE}`" in made["view"]["query"]
        assert made["description"] == view.description
        assert made["labels"] == view.labels
        assert cloud.described(DATASET, view.name) == {c.name: c.description for c in view.columns}
        assert [f["type"] for f in made["schema"]["fields"]] == [c.type for c in view.columns]
    assert cloud.authorized(DATASET) == []


def test_applied_again_it_is_replaced_and_described_again(cloud: BigQuery, client: bigquery.Client) -> None:
    apply(client, DATASET, DATASET)
    for name in NAMES:
        old = cloud.tables[DATASET, name]
        old["view"]["query"], old["description"], old["labels"]["app"] = "SELECT 1 AS old", "old", "old"
        old["labels"]["theirs"] = "kept"
        old["schema"]["fields"] = [{"name": "old", "type": "INTEGER"}]
    cloud.asked.clear()

    apply(client, DATASET, DATASET)

    for view in VIEWS:
        made = cloud.tables[DATASET, view.name]
        assert "old" not in made["view"]["query"]
        assert made["description"] == view.description
        assert made["labels"] == {**view.labels, "theirs": "kept"}
        assert cloud.described(DATASET, view.name) == {c.name: c.description for c in view.columns}
    assert {method for method, _ in cloud.asked} == {
        "GET",
        "PATCH",
    }  # never dropped: who may read it still may


def test_a_view_in_another_dataset_may_read_the_table(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.dataset(ELSEWHERE)
    apply(client, DATASET, ELSEWHERE)
    apply(client, DATASET, ELSEWHERE)

    assert cloud.authorized(DATASET) == [f"{PROJECT}.{ELSEWHERE}.{name}" for name in NAMES]  # once each
    assert cloud.authorized(ELSEWHERE) == []
    assert cloud.datasets[DATASET]["access"][0] == {"role": "OWNER", "specialGroup": "projectOwners"}
    assert all((ELSEWHERE, name) in cloud.tables and (DATASET, name) not in cloud.tables for name in NAMES)


def test_what_the_marketplace_has_said_of_a_view_is_said_again(
    cloud: BigQuery, client: bigquery.Client
) -> None:
    reference = {"projectId": PROJECT, "datasetId": DATASET, "tableId": NAMES[1]}
    cloud.datasets[DATASET]["access"].append({"view": reference})
    apply(client, DATASET, DATASET)

    assert cloud.authorized(DATASET) == [f"{PROJECT}.{DATASET}.{NAMES[1]}"]
    assert [of for method, of in cloud.asked if method == "PATCH"].count(DATASET) == 1


def _anew(resource: dict[str, Any]) -> Callable[[], None]:
    def change() -> None:
        resource["etag"] += "theirs"
        if "access" in resource:
            resource["access"].append({"role": "READER", "userByEmail": "nada@example.com"})

    return change


def test_what_somebody_else_has_changed_meanwhile_is_kept(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.dataset(ELSEWHERE)
    apply(client, DATASET, ELSEWHERE)
    view, dataset = cloud.tables[ELSEWHERE, NAMES[0]], cloud.datasets[DATASET]
    cloud.before += [_anew(view), lambda: None, _anew(view), lambda: None, _anew(dataset)]

    apply(client, DATASET, ELSEWHERE)

    assert {"role": "READER", "userByEmail": "nada@example.com"} in cloud.datasets[DATASET]["access"]
    assert len(cloud.authorized(DATASET)) == len(VIEWS)


def test_it_does_not_go_on_for_ever(cloud: BigQuery, client: bigquery.Client) -> None:
    apply(client, DATASET, DATASET)
    cloud.before += [_anew(cloud.tables[DATASET, NAMES[0]])] * 5
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
            field["type"] = "STRING"  # what an unbounded numeric becomes


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(_without("opphav"), "public_avtale has no column opphav yet", id="column not there yet"),
        pytest.param(_as_text, "stillingprosent is STRING, not NUMERIC", id="another type"),
        pytest.param(lambda cloud: cloud.tables.clear(), f"{SOURCE}: .*Not found", id="no table"),
        pytest.param(lambda cloud: cloud.datasets.clear(), f"{SOURCE}: .*Not found", id="no dataset"),
    ],
)
def test_nothing_is_changed_where_the_table_is_not_as_it_should(
    spoil: Callable[[BigQuery], None], says: str, cloud: BigQuery, client: bigquery.Client
) -> None:
    spoil(cloud)
    with pytest.raises(BigQueryRefused, match=says):
        apply(client, DATASET, DATASET)
    assert {method for method, _ in cloud.asked} == {"GET"}


def test_a_dataset_that_is_not_there_is_named(client: bigquery.Client) -> None:
    with pytest.raises(BigQueryRefused, match=f"{ELSEWHERE}.avtale: .*Dataset {PROJECT}:{ELSEWHERE}"):
        apply(client, DATASET, ELSEWHERE)


def test_a_table_of_that_name_is_left_alone(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.table(DATASET, "avtale", {"a": "STRING"})
    with pytest.raises(BigQueryRefused, match="avtale is no view"):
        apply(client, DATASET, DATASET)
    assert {method for method, _ in cloud.asked} == {"GET"}


def test_a_column_that_no_view_knows_of_is_told(cloud: BigQuery, client: bigquery.Client) -> None:
    cloud.tables[DATASET, SOURCE]["schema"]["fields"].append({"name": "ny_kolonne", "type": "STRING"})
    assert apply(client, DATASET, DATASET).unknown == ["ny_kolonne"]
