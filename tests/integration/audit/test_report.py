"""The report on readings, by consumer, purpose and field: grouped, counted, and without a person."""

from collections import defaultdict
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datadeling.db.connection import REPORT, DeadlineConnection
from datadeling.db.database import Database
from datadeling.domain.month import Month
from datadeling.operations.action import OperatorAction
from datadeling.operations.audit import report
from tests.integration.api.rows import FNR, OTHER_FNR
from tests.integration.audit.records import WHEN, write_record

NOVEMBER = Month(2026, 11)
WHO = OperatorAction("an operator")


def ask(database: Database, consumer: str | None = None, month: Month = NOVEMBER) -> list[dict[str, Any]]:
    return report(database, consumer, month, WHO)


def test_lookups_of_a_kind_are_counted(database: Database, connection: psycopg.Connection) -> None:
    later = WHEN + timedelta(days=1)
    write_record(connection, personer=[FNR, OTHER_FNR], hits=3)
    write_record(connection, personer=[FNR], nav_ident="Z999999", tidspunkt=later)
    write_record(connection, personer=[], hits=0, nav_ident="Z999999")
    assert ask(database) == [
        {
            "consumer": "client-1",
            "consumer_name": "prod-gcp:team:one",
            "endpoint": "POST /api/v1/tiltaksstatus",
            "behandlingsnummer": ["B123"],
            "felter": ["avtaleId", "startDato"],
            "lookups": 3,
            "persons": 2,
            "hits": 5,
            "users": 1,
            "first": WHEN,
            "last": later,
        }
    ]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"consumer": "client-2"}, id="consumer"),
        pytest.param({"endpoint": "POST /graphql"}, id="endpoint"),
        pytest.param({"behandlingsnummer": []}, id="no purpose"),
        pytest.param({"behandlingsnummer": ["B123", "B124"]}, id="another purpose"),
        pytest.param({"felter": ["avtaleId"]}, id="fields"),
    ],
)
def test_lookups_that_differ_are_counted_apart(
    database: Database, connection: psycopg.Connection, other: dict[str, Any]
) -> None:
    write_record(connection)
    write_record(connection, **other)
    assert [each["lookups"] for each in ask(database)] == [1, 1]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"consumer_name": None}, id="name"),
        pytest.param({"nav_ident": "Z999999"}, id="user"),
        pytest.param({"criteria": ["identer", "tidspunkt"]}, id="criteria"),
        pytest.param({"felter": ["startDato", "avtaleId"]}, id="order of fields"),
        pytest.param({"call_id": "another"}, id="call"),
    ],
)
def test_lookups_that_differ_otherwise_are_counted_together(
    database: Database, connection: psycopg.Connection, other: dict[str, Any]
) -> None:
    write_record(connection)
    write_record(connection, **other)
    assert [each["lookups"] for each in ask(database)] == [2]


def test_purposes_are_a_set(database: Database, connection: psycopg.Connection) -> None:
    write_record(connection, behandlingsnummer=["B2", "B1"])
    write_record(connection, behandlingsnummer=["B1", "B2"])
    assert [(each["behandlingsnummer"], each["lookups"]) for each in ask(database)] == [(["B1", "B2"], 2)]


def test_a_consumer_has_its_newest_name(database: Database, connection: psycopg.Connection) -> None:
    write_record(connection, consumer_name="new", tidspunkt=WHEN)
    write_record(connection, consumer_name="old", tidspunkt=WHEN - timedelta(days=1), felter=["avtaleNr"])
    write_record(connection, consumer_name=None, tidspunkt=WHEN + timedelta(days=1))
    write_record(connection, consumer="client-2", consumer_name=None)
    assert {(each["consumer"], each["consumer_name"]) for each in ask(database)} == {
        ("client-1", "new"),
        ("client-2", None),
    }


def test_the_report_can_be_limited_to_a_consumer(database: Database, connection: psycopg.Connection) -> None:
    write_record(connection)
    write_record(connection, consumer="client-2", consumer_name="prod-gcp:team:one")
    assert [each["consumer"] for each in ask(database, "client-2")] == ["client-2"]
    assert ask(database, "prod-gcp:team:one") == []


@pytest.mark.parametrize(
    ("time", "month"),
    [
        ("2026-10-31T23:59:59.999999+01:00", Month(2026, 10)),
        ("2026-11-01T00:00:00+01:00", NOVEMBER),
        ("2026-11-30T23:59:59.999999+01:00", NOVEMBER),
        ("2026-12-01T00:00:00+01:00", Month(2026, 12)),
    ],
)
def test_months_are_those_of_oslo(
    database: Database, connection: psycopg.Connection, time: str, month: Month
) -> None:
    write_record(connection, tidspunkt=datetime.fromisoformat(time))
    for requested in (Month(2026, 10), NOVEMBER, Month(2026, 12)):
        found = ask(database, month=requested)
        assert [each["first"].isoformat() for each in found] == ([time] if requested == month else [])


def test_a_month_without_records_is_empty(database: Database) -> None:
    assert ask(database, month=Month(1999, 12)) == []


def test_reading_the_report_is_recorded(database: Database, connection: psycopg.Connection) -> None:
    ask(database)
    ask(database, "client-1")
    ask(database, FNR)
    rows = connection.execute("SELECT who, command, target, reason FROM operator_log ORDER BY id").fetchall()
    assert rows == [
        ("an operator", "audit", "2026-11", None),
        ("an operator", "audit", "2026-11 client-1", None),
        ("an operator", "audit", "2026-11 ***********", None),
    ]


def test_the_report_may_exceed_the_time_limit_of_the_session(database: Database, db_url: str) -> None:
    settings = "SELECT current_setting('transaction_timeout'), current_setting('statement_timeout')"
    with database.transaction() as tx:
        assert tx.connection.execute(settings).fetchone() == ("30s", "0")
    with closing(Database(db_url, "test", REPORT)) as patient:
        with patient.transaction() as tx:
            assert tx.connection.execute(settings).fetchone() == ("0", "30min")
            assert isinstance(tx.connection, DeadlineConnection)
            assert tx.connection.timeout > 1_800
        assert report(patient, None, NOVEMBER, WHO) == []


RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "consumer": st.sampled_from(["a", "b"]),
            "endpoint": st.sampled_from(["x", "y"]),
            "behandlingsnummer": st.lists(st.sampled_from(["B1", "B2"]), unique=True),
            "felter": st.lists(st.sampled_from(["f", "g"]), unique=True),
            "personer": st.lists(st.sampled_from(["1", "2", "3"])),
            "hits": st.integers(0, 9),
            "nav_ident": st.sampled_from([None, "Z1", "Z2"]),
        }
    ),
    max_size=12,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS)
def test_the_report_of_any_log_has_the_sums_of_the_oracle(
    database: Database, connection: psycopg.Connection, records: list[dict[str, Any]]
) -> None:
    connection.execute("TRUNCATE lookup_log")
    groups: dict[tuple[object, ...], list[dict[str, Any]]] = defaultdict(list)
    for each in records:
        write_record(connection, **each)
        key = (
            each["consumer"],
            each["endpoint"],
            tuple(sorted(each["behandlingsnummer"])),
            tuple(sorted(each["felter"])),
        )
        groups[key].append(each)
    assert [
        (one["consumer"], one["endpoint"], tuple(one["behandlingsnummer"]), tuple(one["felter"]),
         one["lookups"], one["persons"], one["hits"], one["users"])
        for one in ask(database)
    ] == [
        (*key, len(of), len({p for each in of for p in each["personer"]}), sum(each["hits"] for each in of),
         len({each["nav_ident"] for each in of} - {None}))
        for key, of in sorted(groups.items())
    ]  # fmt: skip
