"""`POST /graphql`: one query a request. The status is 200 once the caller is known and a query was sent."""

from typing import Any

import msgspec
from flask import Blueprint, Response
from graphql import execute_sync, get_operation_ast

from datadeling.api import hooks
from datadeling.api.graphql.documents import parse_document
from datadeling.api.graphql.errors import INVALID_VALUE, VALIDATION, execution_error, formatted
from datadeling.api.graphql.queries import QUERIES, RowExecutor
from datadeling.api.graphql.schema import SCHEMA
from datadeling.api.problems import Problem
from datadeling.api.schemas import read_json

blueprint = Blueprint("graphql", __name__)
blueprint.before_request(hooks.admit_query)
blueprint.after_request(hooks.measure_lookup)

_NO_OPERATION = "Spørringen har ingen slik operasjon, eller flere: oppgi operationName."


class _Request(msgspec.Struct):
    """The body. Other properties are ignored."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 (as it is sent)


@blueprint.post("/graphql")
def graphql() -> Response:
    """Run a query."""
    try:
        sent = msgspec.convert(read_json(), _Request)
    except msgspec.ValidationError:
        detail = "Kroppen må ha query, og kan ha variables og operationName."
        raise Problem(400, detail=detail) from None
    return Response(msgspec.json.encode(_execute(sent)), mimetype="application/json")


def _execute(sent: _Request) -> dict[str, Any]:
    document, operation = parse_document(sent.query), sent.operationName or None
    if isinstance(document, list):
        return {"errors": document}
    if get_operation_ast(document, operation) is None:
        return {"errors": [formatted(_NO_OPERATION, VALIDATION)]}
    result = execute_sync(
        SCHEMA, document, QUERIES, None, sent.variables, operation, executor_class=RowExecutor
    )
    if not result.errors:
        return {"data": result.data}
    if all(error.path is None for error in result.errors):
        return {"errors": [formatted(INVALID_VALUE, VALIDATION, error) for error in result.errors]}
    return {"errors": [execution_error(error) for error in result.errors], "data": result.data}
