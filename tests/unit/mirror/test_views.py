"""The text of the views: what BigQuery's parser makes of it, what is shared, what is not."""

from pathlib import Path

import pytest
import sqlglot
from click.testing import CliRunner
from sqlglot import exp

from datadeling.commands.views import views
from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import FELTER, Sensitivity
from datadeling.mirror.views import LEFT_OUT, VIEWS, View, unaccounted

_FILES = Path(__file__).parents[3] / "mirror" / "views"


@pytest.fixture(params=VIEWS, ids=lambda view: view.name)
def view(request: pytest.FixtureRequest) -> View:
    found: View = request.param
    return found


def parsed(view: View) -> exp.Create:
    (statement,) = sqlglot.parse(view.sql("project-1.data", "project-1.other"), dialect="bigquery")
    assert isinstance(statement, exp.Create)
    return statement


def test_it_is_a_view_over_the_mirrored_table(view: View) -> None:
    statement = parsed(view)
    assert statement.kind == "VIEW"
    tables = {(table.catalog, table.db, table.name) for table in statement.find_all(exp.Table)}
    assert tables == {("project-1", "other", view.name), ("project-1", "data", "public_avtale")}


def test_it_selects_the_columns_that_it_describes(view: View) -> None:
    query = parsed(view).expression
    assert isinstance(query, exp.Query)
    assert query.named_selects == [column.name for column in view.columns]
    assert all(column.description for column in view.columns)


def test_nobody_who_was_registered_by_mistake_is_in_it(view: View) -> None:
    where = parsed(view).find(exp.Where)
    assert where is not None
    assert any(each.this.name == "feilregistrert" for each in where.find_all(exp.Not))


def test_who_reads_without_persons_gets_none() -> None:
    (without,) = (view for view in VIEWS if view.name == "avtale_uten_personident")
    persons = {felt.column for felt in FELTER if felt.sensitivity is not Sensitivity.OPEN}
    named = {column.name for column in parsed(without).find_all(exp.Column)}
    assert len(persons) == 4
    assert not named & persons
    assert without.labels["personidenter"] == "nei"


def test_all_that_is_shared_is_in_the_one_that_has_all() -> None:
    assert [column.name for column in VIEWS[0].columns] == [felt.column for felt in FELTER]


def test_a_quote_does_not_end_a_description() -> None:
    odd = VIEWS[2]._replace(description="it's a \\ and\na line")
    (statement,) = sqlglot.parse(odd.sql(), dialect="bigquery")
    assert isinstance(statement, exp.Create)
    assert "it's a \\ and\na line" in {literal.this for literal in statement.find_all(exp.Literal)}


def test_every_column_is_in_a_view_or_left_out_for_a_reason() -> None:
    assert unaccounted() == []
    assert unaccounted([*COLUMNS, "ny_kolonne"]) == ["ny_kolonne"]
    assert not LEFT_OUT.keys() & {column.name for view in VIEWS for column in view.columns}
    assert all(LEFT_OUT.values())


def test_the_files_are_what_the_code_says(view: View) -> None:
    assert (_FILES / f"{view.name}.sql").read_text("utf-8") == view.sql()
    assert {file.stem for file in _FILES.glob("*.sql")} == {view.name for view in VIEWS}


def test_the_check_finds_an_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mirror/views").mkdir(parents=True)
    run = CliRunner().invoke
    assert run(views, ["--write"]).exit_code == 0
    assert run(views, ["--check"]).exit_code == 0
    Path("mirror/views/avtale.sql").write_text("SELECT 1")
    checked = run(views, ["--check"])
    assert checked.exit_code == 1
    assert "mirror/views/avtale.sql is not what the code says" in checked.output


def test_the_check_finds_a_column_that_nobody_thought_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "datadeling.commands.views.unaccounted", lambda: unaccounted([*COLUMNS, "ny_kolonne"])
    )
    checked = CliRunner().invoke(views, ["--check"])
    assert checked.exit_code == 1
    assert "avtale.ny_kolonne is in no view" in checked.output


def test_print_names_the_datasets_that_it_is_given() -> None:
    printed = CliRunner().invoke(views, ["--print", "--dataset", "p.data", "--into", "p.views"]).output
    assert printed.count("CREATE OR REPLACE VIEW `p.views.") == len(VIEWS)
    assert printed.count("FROM `p.data.public_avtale`") == len(VIEWS)
    assert "`mirror." not in printed
