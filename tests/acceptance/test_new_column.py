"""The recipe for a column in CONTRIBUTING.md, followed in a copy of the repository."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.postgres import EmbeddedPostgres
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.lookups import Call, look_up
from tests.acceptance.operating import Operator, Produce
from tests.acceptance.processes import wait_until_handled
from tests.datastream import ROLE, Datastream
from tests.hendelser import avtale_id, melding

_ROOT = Path(__file__).parents[2]
_NEW, _DAY = "oppmote_dato", "2026-03-02"
_NAMES_THE_PLACE = ("tests/unit/domain/test_shared_fields.py", "tests/unit/db/test_migrations.py")
_QUICK = ("tests/unit/domain", "tests/unit/mirror", "tests/unit/db", "tests/unit/pipeline/test_transform.py")
_NEEDED = (
    "datadeling", "docs", "migrations", "mirror", "tests", "tools",
    "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "pyproject.toml",
)  # fmt: skip


class Edit(NamedTuple):
    """One block of the recipe: a file, and its text before and after the edit."""

    file: str
    before: str
    after: str


def recipe() -> list[Edit]:
    """Read the blocks of the recipe; NNNN becomes the next number of a migration, MMMM_name the last one."""
    text = (_ROOT / "CONTRIBUTING.md").read_text("utf-8")
    section = text.split("## How to add a column\n")[1].split("\n## ")[0]
    last = max(f.stem for f in (_ROOT / "migrations").glob("*.sql") if not f.stem.endswith(".rollback"))
    section = section.replace("NNNN", f"{int(last[:4]) + 1:04}").replace("MMMM_name", last)
    edits = []
    for block in re.findall(r"^   ```(?:sql|diff)\n(.*?)^   ```$", section, re.MULTILINE | re.DOTALL):
        heading, body = re.sub(r"^ {3}", "", block, flags=re.MULTILINE).split("\n", 1)
        file = heading.split("file: ")[1]
        if file.endswith(".sql"):
            edits.append(Edit(file, "", body))
        else:
            lines = body.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if not line.startswith("+"))
            edits.append(Edit(file, before, "".join(line[1:] for line in lines)))
    return edits


def follow(edits: list[Edit], root: Path) -> None:
    """Copy the repository, and make these edits in the copy."""
    for name in _NEEDED:
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_ROOT / name, root / name)
    for edit in edits:
        file = root / edit.file
        if edit.before:
            text = file.read_text("utf-8")
            assert text.count(edit.before) == 1, f"{edit.file} has not once: {edit.before}"
            file.write_text(text.replace(edit.before, edit.after), "utf-8")
        else:
            assert not file.exists()
            file.write_text(edit.after, "utf-8")


def python(root: Path, *arguments: str) -> tuple[int, str]:
    """Run Python on the copy."""
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root, env=env, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the repository and make all edits of the recipe."""
    root = tmp_path / "copy"
    root.mkdir()
    follow(recipe(), root)
    assert python(root, "-m", "tools.openapi", "docs/openapi.json") == (0, "")
    assert python(root, "-m", "tools.views", "mirror/views") == (0, "")
    return root


@pytest.fixture
def db_url(server: EmbeddedPostgres) -> str:
    """Create an empty database on a server that has the role of Datastream."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {ROLE} LOGIN")
    return server.create_database("new_column")


def test_a_new_column_is_in_the_database_the_api_and_the_mirror(
    copy: Path,
    run: Run,
    consumer: Setting,
    api: Setting,
    operator: Operator,
    produce: Produce,
    issuer: TokenIssuer,
    db_url: str,
) -> None:
    operator.run("migrate")
    with psycopg.connect(db_url, autocommit=True) as connection:
        before = run(consumer.env, "consume")
        produce([melding(1, offset=0, oppmoteDato=_DAY), melding(2, offset=1)])
        wait_until_handled(connection, 2)
        before.terminate()
        datastream = Datastream(db_url)
        assert len(datastream.read().changes) == 2

        # The release with the column. Python must not find the present one in the working directory.
        on_copy = {"PYTHONPATH": str(copy), "PYTHONSAFEPATH": "1"}
        released = Operator({**consumer.env, **on_copy})
        assert _NEW in released.run("migrate")
        assert rows(connection) == {avtale_id(1): None, avtale_id(2): None}
        assert released.json("replay", "--from-beginning")["state"] == "done"
        assert rows(connection) == {avtale_id(1): _DAY, avtale_id(2): None}
        assert connection.execute("SELECT count(*) FROM avtale_historikk").fetchone() == (0,)

        run({**api.env, **on_copy}, "serve").answers(f"{api.url}/internal/health/readiness")
        lookup = Call(f"avtaler/{avtale_id(1)}?felter=avtaleId,oppmoteDato")
        answer = look_up(api, issuer.token(CLIENT_ID), lookup)
        assert json.loads(answer.body) == {"avtaleId": avtale_id(1), "oppmoteDato": _DAY}
        assert _NEW in released.run("views", "--print")

    sent = datastream.read()
    assert [_NEW in {column.name for column in relation.columns} for relation in sent.relations] == [True]
    assert _DAY.encode() in sent.stream


def rows(connection: psycopg.Connection) -> dict[str, Any]:
    """Return the new column by avtale."""
    return dict(connection.execute(f"SELECT avtale_id::text, {_NEW}::text FROM avtale").fetchall())


def test_the_checks_of_the_copy_pass(copy: Path) -> None:
    code, output = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_QUICK)
    assert code == 0, output


def test_the_recipe_has_at_most_six_places() -> None:
    assert 4 <= len(recipe()) <= 6


@pytest.mark.parametrize("left_out", recipe(), ids=lambda edit: Path(edit.file).name.lstrip("0123456789_"))
def test_a_missing_edit_is_named(left_out: Edit, tmp_path: Path) -> None:
    follow([edit for edit in recipe() if edit != left_out], tmp_path)
    code, output = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_NAMES_THE_PLACE)
    assert code == 1
    place = "rollback" if "rollback" in left_out.file else re.sub(r"/\d+_.*", "", left_out.file)
    assert re.search(rf"(AssertionError|Failed): .*{_NEW}.*{place}", output), output
