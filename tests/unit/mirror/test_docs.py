"""docs/bigquery.md agrees with the code on columns, views and names."""

import re
from pathlib import Path

import pytest

from datadeling.mirror.views import DATASET, PERSONAL, SOURCE, VIEWS, Pii

_PAGE = (Path(__file__).parents[3] / "docs" / "bigquery.md").read_text("utf-8")


@pytest.mark.parametrize("pii", Pii)
def test_every_column_has_its_class_in_the_table(pii: Pii) -> None:
    (row,) = re.findall(rf"^\| {pii.value} \| (.*) \|$", _PAGE, re.MULTILINE)
    if pii is Pii.INDIRECT:
        assert row == "alle de andre"
    else:
        assert re.findall(r"`(\w+)`", row) == [column.name for column in PERSONAL if column.pii is pii]


def test_names_in_the_document_are_those_in_the_code() -> None:
    for view in VIEWS:
        assert f"| `{view.name}` |" in _PAGE
    assert f"{DATASET}.{SOURCE}" in _PAGE


def test_views_of_persons_state_that_no_person_is_filtered_out() -> None:
    notice = "Personer med adressebeskyttelse"
    assert all(notice in view.description for view in VIEWS[:2])
    assert f"{notice} og skjermede personer er ikke filtrert bort." in _PAGE


def test_headings_that_are_linked_to_are_there() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", _PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", _PAGE)) <= headings
    assert "when-the-slot-lags" in headings  # the alert names it
