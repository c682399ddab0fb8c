"""The report on lookups over HTTP."""

import psycopg
import pytest

from datadeling.db.lookup_log import create_months
from datadeling.db.transaction import Transaction
from tests.integration.api.admin.calls import NAV_IDENT, Admin
from tests.integration.api.admin.conftest import Log
from tests.integration.api.rows import FNR
from tests.integration.audit.records import WHEN, write_record


@pytest.fixture
def months(connection: psycopg.Connection) -> None:
    """The log reaches as far as the records."""
    with connection.transaction():
        create_months(Transaction(connection), WHEN)


@pytest.mark.usefixtures("months")
def test_the_report_is_returned_and_recorded(
    admin: Admin, connection: psycopg.Connection, operator_log: Log
) -> None:
    write_record(connection, consumer="a", felter=["tiltakstype"])
    write_record(connection, consumer="b", felter=["startDato"])
    told = admin.get("lookups?month=2026-11")
    assert told["month"] == "2026-11"
    assert [(one["consumer"], one["felter"]) for one in told["readings"]] == [
        ("a", ["tiltakstype"]), ("b", ["startDato"]),
    ]  # fmt: skip
    (one,) = admin.get("lookups?month=2026-11&consumer=b")["readings"]
    assert set(one) == {
        "consumer", "consumerName", "endpoint", "behandlingsnummer", "felter", "lookups", "persons", "hits",
        "users", "first", "last",
    }  # fmt: skip
    assert (one["lookups"], one["first"]) == (1, "2026-11-15T12:00:00+01:00")
    assert FNR not in str(told)
    assert admin.get("lookups?month=2026-10")["readings"] == []
    assert operator_log() == [
        (NAV_IDENT, "audit", target, None) for target in ("2026-11", "2026-11 b", "2026-10")
    ]


@pytest.mark.parametrize(
    ("query", "felt", "melding"),
    [
        ("", "month", "mangler"),
        ("?month=2026-13", "month", "må være en måned, åååå-mm"),
        ("?month=nov", "month", "må være en måned, åååå-mm"),
        ("?month=2026-11&consumer=", "consumer", "ugyldig verdi"),
        ("?month=2026-11&azp=x", None, "ukjent egenskap"),
    ],
)
def test_an_invalid_request_is_400_and_not_recorded(
    query: str, felt: str | None, melding: str, admin: Admin, operator_log: Log
) -> None:
    assert admin.get(f"lookups{query}", 400)["feil"] == [{"felt": felt, "melding": melding}]
    assert operator_log() == []
