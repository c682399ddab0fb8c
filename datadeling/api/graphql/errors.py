"""Errors in the form of graphql-java. They never repeat a value: a query can hold a person's number."""

import re
from typing import Any

import structlog
from graphql import GraphQLError, print_introspection_schema, print_schema

from datadeling.api.graphql.schema import SCHEMA
from datadeling.api.problems import Problem
from datadeling.errors import DatabaseBug, DatabaseUnavailable, DatadelingError, UnstorableRow
from datadeling.log import frames

SYNTAX, VALIDATION, INTERNAL = "InvalidSyntax", "ValidationError", "INTERNAL_ERROR"
INVALID_VALUE = "En verdi eller en variabel passer ikke til typen."

_BY_STATUS = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    413: "DataFetchingException",
}
_INVALID = "Spørringen passer ikke til skjemaet."
_UNAVAILABLE = "Tjenesten kan ikke svare nå. Prøv igjen."
_UNEXPECTED = "Noe gikk galt hos oss."
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_ABOUT_VALUES = re.compile(
    r"invalid value|cannot represent|expected value|does not exist in|got invalid", re.IGNORECASE
)
_PUBLISHED = frozenset(re.findall(r"\w+", print_schema(SCHEMA) + print_introspection_schema(SCHEMA)))

log = structlog.get_logger(__name__)


def formatted(message: str, classification: str, error: GraphQLError | None = None) -> dict[str, Any]:
    """Return an error as it is answered. It has the place and the path of `error`."""
    places = (error and error.locations) or ()
    return {
        "message": message,
        "locations": [{"line": at.line, "column": at.column} for at in places],
        **({"path": list(error.path)} if error and error.path is not None else {}),
        "extensions": {"classification": classification},
    }


def execution_error(error: GraphQLError) -> dict[str, Any]:
    """Format the error of a resolver. Log what is not the caller's fault, without a library's text."""
    match cause := error.original_error or error:
        case Problem():
            return formatted(cause.body["detail"], _BY_STATUS.get(cause.status, INTERNAL), error)
        case DatabaseUnavailable():
            return formatted(_UNAVAILABLE, INTERNAL, error)
        case DatabaseBug() | UnstorableRow():
            log.error("lookup_refused", error=type(cause).__qualname__, cause=str(cause))
            return formatted(_UNAVAILABLE, INTERNAL, error)
        case _:
            text = str(cause) if isinstance(cause, DatadelingError) else None
            log.error("unexpected_error", error=type(cause).__qualname__, cause=text, at=frames(cause))
            return formatted(_UNEXPECTED, INTERNAL, error)


def without_values(message: str) -> str:
    """Return graphql-core's text with the words of our schema, and none of the caller's."""
    if _ABOUT_VALUES.search(message):
        return INVALID_VALUE

    def quoted(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        return f"'{name}'" if name.strip("[]!") in _PUBLISHED else "'…'"

    text = _QUOTED.sub(quoted, message)
    return _INVALID if re.search(r"[\d{}]", text) else text
