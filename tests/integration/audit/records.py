"""Records of lookups, with what a test does not care about filled in."""

from datetime import datetime
from typing import Any

import psycopg

from tests.integration.api.rows import FNR

WHEN = datetime.fromisoformat("2026-11-15T12:00:00+01:00")
_RECORD: dict[str, Any] = {
    "tidspunkt": WHEN,
    "call_id": "call-1",
    "consumer": "client-1",
    "consumer_name": "prod-gcp:team:one",
    "nav_ident": None,
    "behandlingsnummer": ["B123"],
    "endpoint": "POST /api/v1/tiltaksstatus",
    "criteria": ["identer"],
    "felter": ["avtaleId", "startDato"],
    "personer": [FNR],
    "hits": 2,
}


def write_record(connection: psycopg.Connection, **columns: Any) -> None:
    """Put a record into the log, with these columns changed."""
    values = {**_RECORD, **columns}
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    connection.execute(f"INSERT INTO lookup_log ({names}) VALUES ({marks})", values)
