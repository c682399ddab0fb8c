"""Forgotten columns and outdated files are found."""

import re
from pathlib import Path

import pytest
import sqlglot
from click.testing import CliRunner
from sqlglot import exp

from datadeling.cli import main
from datadeling.commands.views import FILES
from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import FELTER, Felt, Type
from datadeling.mirror import check
from datadeling.mirror.views import (
    LEFT_OUT,
    METADATA,
    PERSONAL,
    VIEWS,
    WITHOUT_IDENTS,
    Pii,
    View,
    column,
    create,
)
from tools.views import write

VIEW = pytest.mark.parametrize("view", [pytest.param(view, id=view.name) for view in VIEWS])


def _run(*arguments: str, **env: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["views", *arguments], env={"DB_URL": None, **env})
    return done.exit_code, done.output


def test_nothing_is_forgotten_now() -> None:
    assert _run("--check") == (0, f"3 views, {len(COLUMNS)} columns of avtale: none forgotten\n")


def test_an_undecided_column_is_found() -> None:
    (fault,) = check.forgotten([*COLUMNS, "ny_kolonne"])
    assert fault.startswith("ny_kolonne is in no view")


def test_a_removed_column_is_found() -> None:
    assert list(check.forgotten(COLUMNS[:-1])) == ["mottatt_tidspunkt is no column of avtale"]
    left_out = set(COLUMNS) - {"generation"}
    assert list(check.forgotten(left_out)) == ["generation is no column of avtale"]


def test_a_column_is_not_left_out_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "LEFT_OUT", {**LEFT_OUT, "opphav": "a reason"})
    assert list(check.forgotten(COLUMNS)) == ["opphav is in a view, and in LEFT_OUT"]


def test_a_name_that_datastream_does_not_take_is_found() -> None:
    faults = list(check.forgotten([*COLUMNS, "avtale_inngått"]))
    assert [fault for fault in faults if fault.startswith("avtale_inngått is no name")]


@pytest.mark.parametrize("name", ["mentor_fnr", "mentor_nav_ident", "deltaker_fornavn", "tlf", "aktorid"])
def test_a_field_that_should_have_been_marked_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten = column(Felt(name, Type.TEXT, "Noe."))
    monkeypatch.setattr(check, "WITHOUT_IDENTS", (*WITHOUT_IDENTS, forgotten))
    (fault,) = check.idents()
    assert fault.startswith(name)


def test_no_marked_field_is_in_the_view_without_idents() -> None:
    names = {each.name for each in WITHOUT_IDENTS}
    assert names == {each.name for each in PERSONAL} - {
        "deltaker_fnr", "veileder_nav_ident", "godkjent_av_nav_ident", "godkjent_av_beslutter_nav_ident",
    }  # fmt: skip
    assert not [felt for felt in FELTER if felt.is_ident and felt.column in names]
    assert not [each for each in WITHOUT_IDENTS if each.pii is Pii.DIRECT]


def test_every_column_left_out_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in LEFT_OUT.values())


def test_all_shared_fields_are_shown() -> None:
    assert [each.name for each in PERSONAL[:-1]] == [felt.column for felt in FELTER]
    assert PERSONAL[-1].name == "mottatt_tidspunkt"


@pytest.mark.parametrize("spoil", ["missing", "changed", "surplus"])
def test_old_files_are_found(spoil: str, tmp_path: Path) -> None:
    write(tmp_path)
    assert not list(check.outdated(tmp_path))
    match spoil:
        case "missing":
            (tmp_path / "avtale.sql").unlink()
        case "changed":
            file = tmp_path / "avtale.sql"
            file.write_text(file.read_text("utf-8") + "\n", "utf-8")
        case _:
            (tmp_path / "avtale.sql").rename(tmp_path / "avtaler.sql")
    assert list(check.outdated(tmp_path))
    write(tmp_path)
    assert not list(check.outdated(tmp_path))


def test_the_command_fails_and_prints_the_cause(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datadeling.commands.views.FILES", tmp_path)
    monkeypatch.setattr("datadeling.commands.views.COLUMNS", (*COLUMNS, "ny_kolonne"))
    code, output = _run("--check")
    assert code == 1
    assert "ny_kolonne is in no view" in output
    assert "avtale.sql is not what the code says: run make views" in output


def test_the_printed_views_are_those_of_the_files() -> None:
    code, printed = _run("--print")
    assert code == 0
    files = [(FILES / f"{view.name}.sql").read_text("utf-8").split("\n", 1)[1] for view in VIEWS]
    assert printed == "\n".join(files)


def test_printed_with_names_of_ones_own() -> None:
    code, printed = _run(
        "--print", "--project", "min-prod-1a2b", "--dataset", "kilde", "--views-dataset", "deling"
    )
    assert code == 0
    assert set(re.findall(r"`(.*?)`", printed)) == {
        "min-prod-1a2b.kilde.public_avtale", *(f"min-prod-1a2b.deling.{view.name}" for view in VIEWS)
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="none"),
        pytest.param(["--check", "--print"], id="two"),
        pytest.param(["--apply"], id="no project"),
        pytest.param(["--print", "--project", "a`b-cdefg"], id="no project's name"),
        pytest.param(["--print", "--dataset", "a.b"], id="no dataset's name"),
    ],
)
def test_contradictory_options_are_refused(arguments: list[str]) -> None:
    assert _run(*arguments)[0] == 2


@VIEW
def test_a_view_is_bigquery_sql_and_has_all_descriptions(view: View) -> None:
    (parsed,) = sqlglot.parse(create(view), dialect="bigquery")
    assert isinstance(parsed, exp.Create)
    assert parsed.args["replace"]
    schema = parsed.this
    described = {c.name: c.find(exp.Property).args["value"].name for c in schema.expressions}
    assert described == {each.name: each.description for each in view.columns}
    options = {
        p.this.name: p.args["value"] for p in parsed.args["properties"].find_all(exp.Property) if p.this
    }
    assert options["description"].name == view.description
    assert (
        dict([each.name for each in pair.expressions] for pair in options["labels"].expressions)
        == view.labels
    )
    query = parsed.expression
    assert [each.alias_or_name for each in query.selects] == [each.name for each in view.columns]
    assert [table.sql("bigquery") for table in query.find_all(exp.Table)] == [
        "`datastream_datadeling.public_avtale`"
    ]
    assert METADATA not in query.sql()
    assert not list(query.find_all(exp.Star))


@VIEW
def test_labels_and_descriptions_are_within_bigquerys_limits(view: View) -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) for key in view.labels)
    assert all(re.fullmatch(r"[a-z0-9_-]{0,63}", value) for value in view.labels.values())
    assert all(0 < len(each.description) <= 1024 for each in view.columns)
