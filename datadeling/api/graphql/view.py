"""`POST /graphql`: one query a request, always 200 once it is known who asks and that it is a query."""

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response
from graphql import execute_sync, get_operation_ast

from datadeling.api import hooks
from datadeling.api.graphql import errors
from datadeling.api.graphql.documents import read
from datadeling.api.graphql.queries import SCHEMA
from datadeling.api.graphql.rows import RowExecutor
from datadeling.api.problems import Problem
from datadeling.api.schemas import read_json

_NO_OPERATION = "Spørringen har ingen slik operasjon, eller flere: oppgi operationName."


class _Request(msgspec.Struct):
    """What is sent; more is passed over."""

    query: str
    variables: dict[str, Any] | None = None
    operationName: str | None = None  # noqa: N815 (as it is sent)


blueprint = Blueprint("graphql", __name__)
blueprint.before_request(hooks.admit_query)
blueprint.after_request(hooks.measure_lookup)


@blueprint.post("/graphql")
def graphql() -> Response:
    """Answer one query."""
    try:
        asked = msgspec.convert(read_json(), _Request)
    except msgspec.ValidationError:
        detail = "Kroppen må ha query, og kan ha variables og operationName."
        raise Problem(400, detail=detail) from None
    return Response(msgspec.json.encode(_execute(asked)), mimetype="application/json")


def _execute(asked: _Request) -> Mapping[str, Any]:
    document = read(asked.query)
    if document.node is None:
        return {"errors": document.errors}
    if get_operation_ast(document.node, asked.operationName or None) is None:
        return {"errors": [errors.of_document(_NO_OPERATION)]}
    result = execute_sync(
        SCHEMA,
        document.node,
        variable_values=asked.variables,
        operation_name=asked.operationName or None,
        executor_class=RowExecutor,
    )
    if not result.errors:
        return {"data": result.data}
    if all(error.path is None for error in result.errors):
        return {"errors": errors.invalid_variables(result.errors)}
    return {"errors": [errors.failed(error) for error in result.errors], "data": result.data}
