"""Lookups of every kind over a running `serve`, and their records."""

import json
from typing import NamedTuple

import psycopg

from tests.acceptance.conftest import CLIENT_ID, Setting
from tests.acceptance.processes import Answer, call
from tests.integration.api.rows import FNR, avtale_id

__all__ = ["CALLS", "CLIENT_ID", "Call", "look_up", "recorded"]


class Call(NamedTuple):
    """A lookup, of the same person as all others."""

    path: str
    body: object = None


CALLS = (
    Call("tiltaksstatus", {"fnr": FNR}),
    Call("tiltaksstatus/bolk", {"personer": [{"fnr": FNR}]}),
    Call("avtaler/sok", {"fnr": FNR}),
    Call("avtaler/sok", {"bedriftNr": "999999999", "tidspunkt": "2026-11-01T12:00:00Z"}),
    Call(f"avtaler/{avtale_id(1)}"),
    Call("avtaler?avtaleNr=1"),
)


def look_up(api: Setting, token: str, what: Call = CALLS[0], call_id: str | None = None) -> Answer:
    """Send a lookup and return the response."""
    headers = {"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123"}
    if call_id is not None:
        headers["Nav-Call-Id"] = call_id
    body = None if what.body is None else json.dumps(what.body).encode()
    return call(f"{api.url}/api/v1/{what.path}", body=body, headers=headers)


def recorded(connection: psycopg.Connection) -> set[str]:
    """Return the ids of the calls that have a record."""
    return {call_id for (call_id,) in connection.execute("SELECT call_id FROM lookup_log")}
