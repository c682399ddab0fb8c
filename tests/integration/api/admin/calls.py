"""Calls of administrators, over HTTP as far as Flask goes."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.unit.api.issuer import CONSUMER, Issuer

GROUP = "55555555-dddd-4ddd-8ddd-555555555555"
OTHER_GROUP = "66666666-eeee-4eee-8eee-666666666666"
NAV_IDENT = "Z999999"
_LONG = 4_102_444_800  # the year 2100

EVERY_CALL = [
    ("POST", "replays", {"fromBeginning": True}),
    ("GET", "replays", None),
    ("GET", "replays/1", None),
    ("POST", "replays/1/cancel", {}),
    ("GET", "failed-messages", None),
    ("GET", "failed-messages/0:0:0", None),
    ("POST", "failed-messages/retry", {}),
    ("POST", "failed-messages/0:0:0/retry", {}),
    ("POST", "failed-messages/0:0:0/discard", {"begrunnelse": "useless"}),
    ("GET", "consumer", None),
    ("GET", "lookups?month=2026-11", None),
]
"""Method, path and body of one call of each kind."""


def person(issuer: Issuer, **changes: Any) -> str:
    """The token of an administrator, with these changes."""
    of_person = {"idtyp": None, "scp": "defaultaccess", "NAVident": NAV_IDENT, "roles": None}
    return issuer.token(0, **{"exp": _LONG, "groups": [OTHER_GROUP, GROUP], **of_person, **changes})


def machine(issuer: Issuer, **changes: Any) -> str:
    """The token of a machine, with these changes."""
    return issuer.token(0, **{"exp": _LONG, "azp": CONSUMER, **changes})


class Admin:
    """Calls below `/api/v1/admin`, with a token."""

    def __init__(self, client: FlaskClient, token: str | None) -> None:
        self._client = client
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, body: object = None) -> TestResponse:
        return self._client.open(
            f"/api/v1/admin/{path}", method=method, json=body, headers=dict(self._headers)
        )

    def get(self, path: str, status: int = 200) -> Any:
        return self._answered(self.call("GET", path), status)

    def post(self, path: str, body: object, status: int = 200) -> Any:
        return self._answered(self.call("POST", path, body), status)

    @staticmethod
    def _answered(response: TestResponse, status: int) -> Any:
        assert response.status_code == status, response.text
        assert response.headers["Cache-Control"] == "no-store"
        return response.json
