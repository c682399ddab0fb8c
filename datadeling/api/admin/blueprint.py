"""The blueprint of the admin calls: the access check, the database of a call, and its response."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import BoundedSemaphore

from flask import Flask, Response, current_app, g
from marshmallow import Schema

from datadeling.api import hooks
from datadeling.api.openapi.blueprint import CALL_ID, Api, Blueprint
from datadeling.api.problems import Problem, unavailable
from datadeling.api.security.tokens import Caller, forbidden
from datadeling.api.services import services
from datadeling.config import ApiConfig
from datadeling.db.connection import REQUEST
from datadeling.db.database import Database
from datadeling.errors import NotFound, TooLate
from datadeling.operations.action import OperatorAction

_SESSION = "datadeling.admin"
_AT_ONCE = 2  # calls of a worker: lookups keep the rest of it, however long these take


class AdminCalls(Blueprint):
    """Calls that look up nobody and need no purpose."""

    HEADERS = (CALL_ID,)
    REFUSES_QUERY = True


class AdminSession:
    """Database connections of the admin calls, apart from those of lookups. For any number of threads."""

    def __init__(self, db_url: str) -> None:
        self._db_url = db_url
        self._places = BoundedSemaphore(_AT_ONCE)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open a database for one call. Raise `Problem` 503 when two calls are running already."""
        if not self._places.acquire(blocking=False):
            raise unavailable("ADMIN_OPPTATT")
        database = Database(self._db_url, "datadeling admin", REQUEST)
        try:
            yield database
        finally:
            database.close()
            self._places.release()


calls = AdminCalls(
    "admin", __name__, description="For administratorer: tokenet må ha gruppen for det i groups."
)


def register(app: Flask, api: Api, config: ApiConfig) -> None:
    """Add the admin calls to an application. Connects to nothing."""
    app.extensions[_SESSION] = AdminSession(config.db_url)
    api.register_blueprint(calls, url_prefix="/api/v1/admin")


def require_group() -> None:
    """Raise `Problem` 403 unless the caller, a person or a machine, is in the group of administrators.

    Also when no group is configured. The client that calls does not matter.
    """
    caller, group = _caller(), services().config.entra.admin_group
    if group is None:
        detail = "Tjenesten er satt opp uten en gruppe for administratorer."
        raise forbidden("MANGLER_GRUPPE", detail, caller, mangler="ADMIN_GROUP")
    if group not in caller.groups:
        detail = f"Tokenet mangler gruppen {group}."
        raise forbidden("MANGLER_GRUPPE", detail, caller, mangler=group)


calls.before_request(hooks.identify)
calls.before_request(require_group)


def action(begrunnelse: str | None = None) -> OperatorAction:
    """Return the caller, the person or else the machine, and the reason, for the record."""
    caller = _caller()
    machine = f"{caller.name} ({caller.consumer})" if caller.name else caller.consumer
    return OperatorAction(caller.nav_ident or machine, begrunnelse)


def topic() -> str:
    """Return the topic that is administered. Raise `Problem` 404 when none is configured."""
    name = services().config.topic
    if name is None:
        detail = "Tjenesten er satt opp uten KAFKA_TOPIC: den vet ikke hvilket topic det gjelder."
        raise Problem(404, kode="ADMIN_IKKE_SATT_OPP", detail=detail)
    return name


def open_database() -> AbstractContextManager[Database]:
    """Open a database for this call; as `AdminSession.database`."""
    session: AdminSession = current_app.extensions[_SESSION]
    return session.database()


def respond(schema: Schema, content: object, status: int = 200) -> Response:
    """Serialise the content by the schema."""
    return Response(json.dumps(schema.dump(content), ensure_ascii=False), status, mimetype="application/json")


@contextmanager
def problem_if_missing(kind: str, kode: str) -> Iterator[None]:
    """Raise `Problem` 404 for `NotFound` and 409 for `TooLate`.

    The text has `kind` and never the id, which is the caller's own text. Both codes end with `kode`.
    """
    try:
        yield
    except TooLate:
        raise Problem(409, kode=f"AVSLUTTET_{kode}", detail=f"Ferdig behandlet: {kind}.") from None
    except NotFound:
        raise Problem(404, kode=f"UKJENT_{kode}", detail=f"Det finnes ikke noe slikt: {kind}.") from None


def _caller() -> Caller:
    caller: Caller = g.caller
    return caller
