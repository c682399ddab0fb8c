"""The examples in the consumers' guide, all but the one in Kotlin, for lack of a compiler."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from string import Template

import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.processes import Answer, call
from tests.integration.api.rows import insert, row

_GUIDE = (Path(__file__).parents[2] / "docs" / "konsumenter.md").read_text("utf-8")
_PERSON = "15877512360"


def examples(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", _GUIDE, re.DOTALL)
    assert found
    return found


@pytest.fixture
def env(run: Run, api: Setting, issuer: TokenIssuer, connection: psycopg.Connection) -> dict[str, str]:
    """Return the environment of the examples, with a person who is on a tiltak."""
    insert(connection, [row(1, deltaker_fnr=_PERSON)])
    run(api.env, "serve").answers(f"{api.url}/internal/health/readiness")
    return {"API": api.url, "TOKEN": issuer.token(CLIENT_ID)}


def curl(line: str, env: dict[str, str]) -> Answer:
    """Send the request of a curl line."""
    parts = shlex.split(Template(line.replace("\\\n", " ")).substitute(env))
    assert parts[:2] == ["curl", "-s"]
    headers: dict[str, str] = {}
    body = b""
    for option, value in zip(parts[3::2], parts[4::2], strict=True):
        if option == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        else:
            assert option == "-d"
            body = value.encode()
    return call(parts[2], body=body, headers=headers)


def test_the_curl_examples_work(env: dict[str, str]) -> None:
    status, bolk = (curl(line, env) for line in examples("curl"))
    assert json.loads(status.body)["paaTiltak"]
    assert [each["paaTiltak"] for each in json.loads(bolk.body)["resultater"]] == [True, True]


def test_the_python_example_works(env: dict[str, str]) -> None:
    (program,) = examples("python")
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "True 1\n"
