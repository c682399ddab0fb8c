"""Declaration of the admin calls, their access check, and what their views share."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import BoundedSemaphore
from typing import Any, TypeVar

from flask import Response, g
from marshmallow import Schema, ValidationError

from datadeling.api import hooks
from datadeling.api.admin.fields import Parsed
from datadeling.api.openapi.blueprint import CALL_ID, Blueprint
from datadeling.api.problems import Feil, Problem, invalid_fields, unavailable
from datadeling.api.security.tokens import Caller, forbidden
from datadeling.api.services import services
from datadeling.db.connection import REQUEST
from datadeling.db.database import Database
from datadeling.errors import NotFound, TooLate
from datadeling.operations.action import OperatorAction

_View = TypeVar("_View", bound=Callable[..., object])
_Resource = TypeVar("_Resource")

_places = BoundedSemaphore(2)  # calls of a worker: lookups keep the rest of it, however long these take


class _AdminCalls(Blueprint):
    HEADERS = (CALL_ID,)  # they look up nobody and need no purpose
    REFUSES_QUERY = True


blueprint = _AdminCalls(
    "admin", __name__, description="For administratorer: tokenet må ha gruppen for det i groups."
)


def require_group() -> None:
    """Raise `Problem` 403 unless the caller, a person or a machine, is in the group of administrators.

    Also when no group is configured. The client that calls does not matter.
    """
    caller: Caller = g.caller
    group = services().config.entra.admin_group
    if group is None:
        detail = "Tjenesten er satt opp uten en gruppe for administratorer."
        raise forbidden("MANGLER_GRUPPE", detail, caller, mangler="ADMIN_GROUP")
    if group not in caller.groups:
        raise forbidden("MANGLER_GRUPPE", f"Tokenet mangler gruppen {group}.", caller, mangler=group)


blueprint.before_request(hooks.identify)
blueprint.before_request(require_group)


def described(operation_id: str, summary: str, description: str = "") -> Callable[[_View], _View]:
    """Describe a view in OpenAPI. Stands below the `call`."""
    texts = {"operationId": operation_id, "summary": summary, "description": description}
    describe: Callable[[_View], _View] = blueprint.doc(**{name: text for name, text in texts.items() if text})
    return describe


def call(
    method: str,
    rule: str,
    response: type[Schema],
    *,
    id: Parsed | None = None,  # noqa: A002 (its name in the address)
    status: int = 200,
    **declared: Any,  # noqa: ANN401
) -> Callable[[_View], _View]:
    """Declare an admin call, like `Blueprint.call`. Its view returns what `response` serialises.

    The view receives the validated body or query string, where there is one, and the parsed `id`.
    """
    missing = [404, 409] if id and "body" in declared else [404]
    declared = {"status": status, "errors": missing, **declared}
    if id:
        about = {name: id.metadata[name] for name in ("description", "schema", "example")}
        declared["parameters"] = [{"in": "path", "name": "id", **about}]

    def declare(view: _View) -> _View:
        @wraps(view)
        def respond(*arguments: object, **address: str) -> Response:
            if id:
                try:
                    arguments = (*arguments, id.deserialize(address["id"]))
                except ValidationError:
                    raise invalid_fields([Feil("id", id.error)]) from None
            content = json.dumps(response().dump(view(*arguments)), ensure_ascii=False)
            return Response(content, status, mimetype="application/json")

        blueprint.call(method, rule, response=response, **declared)(respond)
        return view

    return declare


def action(begrunnelse: str | None = None) -> OperatorAction:
    """Return the caller, the person or else the machine, and the reason, for the record."""
    caller: Caller = g.caller
    machine = f"{caller.name} ({caller.consumer})" if caller.name else caller.consumer
    return OperatorAction(caller.nav_ident or machine, begrunnelse)


def topic() -> str:
    """Return the topic that is administered. Raise `Problem` 404 when none is configured."""
    name = services().config.topic
    if name is None:
        detail = "Tjenesten er satt opp uten KAFKA_TOPIC: den vet ikke hvilket topic det gjelder."
        raise Problem(404, kode="ADMIN_IKKE_SATT_OPP", detail=detail)
    return name


@contextmanager
def open_database() -> Iterator[Database]:
    """Open a connection for this call, apart from those of lookups. Raise `Problem` 503 beside two others."""
    if not _places.acquire(blocking=False):
        raise unavailable("ADMIN_OPPTATT")
    database = Database(services().config.db_url, "datadeling admin", REQUEST)
    try:
        yield database
    finally:
        database.close()
        _places.release()


@contextmanager
def open_resource(
    resource: Callable[[Database, str], _Resource], name: str, kode: str
) -> Iterator[_Resource]:
    """Open the replays, or the failed messages, of the topic for this call.

    Raise `Problem` 404 for `NotFound` and 409 for `TooLate`. Its text has `name` and never the id, which is
    the caller's own text; its code ends with `kode`.
    """
    administered = topic()
    with open_database() as database:
        try:
            yield resource(database, administered)
        except TooLate:
            raise Problem(409, kode=f"AVSLUTTET_{kode}", detail=f"Ferdig behandlet: {name}.") from None
        except NotFound:
            raise Problem(404, kode=f"UKJENT_{kode}", detail=f"Det finnes ikke noe slikt: {name}.") from None
