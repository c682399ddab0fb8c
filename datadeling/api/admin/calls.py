"""How a call of administrators is declared, and how it answers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request
from marshmallow import Schema

from datadeling.api.openapi.blueprint import CALL_ID, Blueprint
from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.schemas import UNKNOWN
from datadeling.errors import NotFound, TooLate

_View = TypeVar("_View", bound=Callable[..., Response])


class AdminCalls(Blueprint):
    """Calls that look nobody up, so they need no purpose. A query string that means nothing is refused."""

    HEADERS = (CALL_ID,)

    def call(
        self,
        method: str,
        rule: str,
        *,
        query: type[Schema] | None = None,
        **rest: Any,  # noqa: ANN401 (what `Blueprint.call` takes)
    ) -> Callable[[_View], _View]:
        """As `Blueprint.call`."""
        declared = super().call(method, rule, query=query, **rest)
        return declared if query else lambda view: declared(_without_query(view))


def _without_query(view: _View) -> _View:
    @wraps(view)
    def checked(*args: object, **values: object) -> Response:
        if request.args:
            raise invalid_fields([Feil(None, UNKNOWN)])
        return view(*args, **values)

    return checked  # type: ignore[return-value]  # it is called as the view is


def told(schema: Schema, what: object, status: int = 200) -> Response:
    """What was found, in the words of OpenAPI."""
    return Response(json.dumps(schema.dump(what), ensure_ascii=False), status, mimetype="application/json")


@contextmanager
def named(what: str, kode: str) -> Iterator[None]:
    """Inside, something is done to what a call names: raise `Problem` 404 when it is unknown, 409 when over.

    `what` is its kind, not its name: a name that is none may be anything. `kode` is what the codes end in.
    """
    try:
        yield
    except TooLate:
        raise Problem(409, kode=f"AVSLUTTET_{kode}", detail=f"Ferdig behandlet: {what}.") from None
    except NotFound:
        raise Problem(404, kode=f"UKJENT_{kode}", detail=f"Det finnes ikke noe slikt: {what}.") from None
