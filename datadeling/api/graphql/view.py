"""`POST /graphql`: one query a request. The status is 200 once the caller is known and a query was sent."""

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response
from graphql import execute_sync, get_operation_ast

from datadeling.api import hooks
from datadeling.api.graphql import errors
from datadeling.api.graphql.documents import parse_document
from datadeling.api.graphql.queries import SCHEMA, RowExecutor
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


def _execute(sent: _Request) -> Mapping[str, Any]:
    document = parse_document(sent.query)
    if document.node is None:
        return {"errors": document.errors}
    if get_operation_ast(document.node, sent.operationName or None) is None:
        return {"errors": [errors.document_error(_NO_OPERATION)]}
    result = execute_sync(
        SCHEMA,
        document.node,
        variable_values=sent.variables,
        operation_name=sent.operationName or None,
        executor_class=RowExecutor,
    )
    if not result.errors:
        return {"data": result.data}
    if all(error.path is None for error in result.errors):
        return {"errors": errors.variable_errors(result.errors)}
    return {"errors": [errors.execution_error(error) for error in result.errors], "data": result.data}
