"""`datadeling audit` as an operator runs it."""

import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest

from datadeling.domain.month import Month
from tests.acceptance.operating import Operator
from tests.integration.api.rows import FNR, OTHER_FNR
from tests.integration.audit.records import write_record

NOW = datetime.now(UTC)
MONTH = str(Month.of(NOW))


@pytest.fixture
def operator(db_url: str) -> Operator:
    return Operator({"DB_URL": db_url})


@pytest.fixture(autouse=True)
def looked_up(connection: psycopg.Connection) -> None:
    """Record lookups of the same person by two consumers, by one of them through the employer."""
    write_record(connection, tidspunkt=NOW)
    write_record(
        connection, tidspunkt=NOW, consumer="client-2", consumer_name=None, criteria=["bedrift_nr"],
        behandlingsnummer=["B124", "B007"], personer=[OTHER_FNR, FNR], nav_ident="Z999999",
    )  # fmt: skip


def audit_person(operator: Operator, numbers: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datadeling", "audit", "--person", *arguments],
        env=operator._env, input=numbers, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def records(connection: psycopg.Connection) -> list[tuple[str | None, ...]]:
    return connection.execute("SELECT who, command, target, reason FROM operator_log ORDER BY id").fetchall()


def test_the_report_groups_lookups_of_this_month(operator: Operator, connection: psycopg.Connection) -> None:
    first, second = operator.json("audit", "--by", "Z999998")
    assert first == {
        "consumer": "client-1",
        "consumer_name": "prod-gcp:team:one",
        "endpoint": "POST /api/v1/tiltaksstatus",
        "behandlingsnummer": ["B123"],
        "felter": ["avtaleId", "startDato"],
        "lookups": 1,
        "persons": 1,
        "hits": 2,
        "users": 0,
        "first": first["first"],
        "last": first["last"],
    }
    assert datetime.fromisoformat(first["first"]) == NOW
    assert (second["consumer"], second["behandlingsnummer"]) == ("client-2", ["B007", "B124"])
    assert records(connection) == [("Z999998", "audit", MONTH, None)]


def test_the_report_as_a_table_can_be_limited_to_a_consumer_and_a_month(operator: Operator) -> None:
    table = operator.run("audit", "--consumer", "client-2", "--month", MONTH)
    assert "client-2" in table
    assert "B007, B124" in table
    assert "avtaleId, startDato" in table
    assert "client-1" not in table
    assert operator.json("audit", "--month", "2020-01") == []


def test_the_report_has_no_identity_number(operator: Operator) -> None:
    output = operator.run("audit") + operator.run("audit", "--json")
    assert FNR not in output
    assert OTHER_FNR not in output


def test_an_invalid_month_is_refused(operator: Operator) -> None:
    assert "must be a month" in operator.run("audit", "--month", "2026-13", code=2)


def test_the_lookups_of_a_person_are_listed(operator: Operator, connection: psycopg.Connection) -> None:
    done = audit_person(operator, f"{FNR}\n", "--reason", f"case 1 of {FNR}", "--by", "Z999998", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"tidspunkt"') == 2
    assert [line.strip() for line in done.stdout.splitlines() if "asked_for" in line] == [
        '"asked_for": true,',
        '"asked_for": false,',
    ]
    table = audit_person(operator, f" {OTHER_FNR} 15877512522 ", "--reason", "case 1").stdout
    assert "client-2" in table
    assert "client-1" not in table
    for number in (FNR, OTHER_FNR):
        assert number not in done.stdout + done.stderr + table
    assert records(connection)[0] == ("Z999998", "audit person", "lookup_log", "case 1 of ***********")
    assert len(records(connection)) == 2


@pytest.mark.parametrize(
    ("numbers", "arguments"),
    [
        ("", ["--reason", "case 1"]),
        ("1587751236", ["--reason", "case 1"]),
        (f"{FNR} hemmelig", ["--reason", "case 1"]),
        (f"{FNR} " * 21, ["--reason", "case 1"]),
        (FNR, []),
        (FNR, ["--reason", "case 1", "--month", MONTH]),
    ],
    ids=["nobody", "ten digits", "a word", "too many", "no reason", "a month"],
)
def test_invalid_input_for_a_person_is_refused(
    operator: Operator, connection: psycopg.Connection, numbers: str, arguments: list[str]
) -> None:
    done = audit_person(operator, numbers, *arguments)
    assert done.returncode == 2
    assert "hemmelig" not in done.stdout + done.stderr
    assert "158775" not in done.stdout + done.stderr
    assert records(connection) == []


def test_an_unavailable_database_is_named() -> None:
    alone = Operator({"DB_URL": "postgresql://postgres@127.0.0.1:1/nothing"})
    assert "DatabaseUnavailable" in alone.run("audit", code=1)
