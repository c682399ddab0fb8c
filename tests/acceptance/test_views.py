"""`datadeling views` as a process, with the credentials of Google's tools."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from datadeling.mirror.views import DATASET, METADATA, PERSONAL, SOURCE, VIEWS
from tests.bigquery import BigQuery, served

PROJECT = "arbeidsgiver-test"
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",  # nobody is signed in there
    "PYTHONPATH": os.pathsep.join(sys.path),
}
_NAMES = [view.name for view in VIEWS]


def _run(*arguments: str, **env: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "datadeling", "views", *arguments],
        env={**_ENVIRONMENT, **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def key() -> str:
    private = generate_private_key(public_exponent=65537, key_size=2048)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _environment(address: str, key: str, folder: Path) -> dict[str, str]:
    """Return Google's variables: the account, and the address of BigQuery."""
    account = {
        "type": "service_account", "project_id": PROJECT, "private_key_id": "1", "private_key": key,
        "client_email": "views@example.com", "client_id": "1", "token_uri": f"{address}/token",
    }  # fmt: skip
    file = folder / "account.json"
    file.write_text(json.dumps(account), "utf-8")
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "BIGQUERY_EMULATOR_HOST": address}


def _cloud() -> BigQuery:
    cloud = BigQuery(PROJECT)
    cloud.dataset(DATASET)
    columns = {column.name: column.type for column in PERSONAL}
    cloud.table(DATASET, SOURCE, {**columns, "ny_kolonne": "STRING", METADATA: "RECORD"})
    return cloud


def test_apply_replaces_the_views(key: str, tmp_path: Path) -> None:
    cloud = _cloud()
    cloud.dataset("deling")
    with served(cloud) as address:
        env = _environment(address, key, tmp_path)
        code, output, errors = _run("--apply", "--project", PROJECT, "--views-dataset", "deling", **env)
    assert (code, output.splitlines()) == (0, [f"replaced  {PROJECT}.deling.{name}" for name in _NAMES])
    assert errors.splitlines() == ["in no view  ny_kolonne: a newer release may know it"]
    assert [name for dataset, name in cloud.tables if dataset == "deling"] == _NAMES
    assert len(cloud.authorized(DATASET)) == len(_NAMES)


def test_a_refusal_of_bigquery_is_one_line(key: str, tmp_path: Path) -> None:
    with served(BigQuery(PROJECT)) as address:
        code, output, errors = _run("--apply", "--project", PROJECT, **_environment(address, key, tmp_path))
    assert (code, output) == (1, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"datadeling: BigQueryRefused: {PROJECT}.{DATASET}.{SOURCE}: ")
    assert "Not found: Dataset" in line


def test_missing_credentials_are_named(tmp_path: Path) -> None:
    nowhere = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "none.json")}
    code, _, errors = _run("--apply", "--project", PROJECT, **nowhere)
    assert code == 1
    (line,) = errors.splitlines()
    assert line.startswith("datadeling: BigQueryRefused: signing in: ")


def test_check_names_a_column_that_no_view_has(db_url: str, connection: psycopg.Connection) -> None:
    assert _run("--check", DB_URL=db_url)[0] == 0
    connection.execute("ALTER TABLE avtale ADD COLUMN ny_kolonne text")
    code, output, errors = _run("--check", DB_URL=db_url)
    assert (code, output) == (1, "")
    assert errors.startswith("database: ny_kolonne is in no view")


def test_check_of_an_empty_database_prints_how_to_migrate(empty_db_url: str) -> None:
    code, _, errors = _run("--check", DB_URL=empty_db_url)
    assert (code, errors) == (
        1,
        "datadeling: NotFound: the database has no table avtale: run datadeling migrate\n",
    )


_WITHOUT_GOOGLE = "import sys; sys.modules['google.cloud'] = None; from datadeling.cli import main; main()"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--print"], 0), (["--check"], 0), (["--apply", "--project", PROJECT], 2)],
    ids=["print", "check", "apply"],
)
def test_only_apply_needs_the_extra(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_GOOGLE, "views", *arguments],
        env=_ENVIRONMENT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert code == 0 or "pip install datadeling[bigquery]" in done.stderr
