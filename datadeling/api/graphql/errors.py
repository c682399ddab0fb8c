"""Errors in the form of graphql-java. They never repeat a value: a query can hold a person's number."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from datadeling.api.problems import Problem
from datadeling.errors import DatabaseBug, DatabaseUnavailable, DatadelingError, UnstorableRow
from datadeling.log import frames

SYNTAX, VALIDATION, FETCHING = "InvalidSyntax", "ValidationError", "DataFetchingException"
BAD_REQUEST, INTERNAL = "BAD_REQUEST", "INTERNAL_ERROR"
_BY_STATUS = {400: BAD_REQUEST, 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}

_INVALID_SYNTAX = "Spørringen kan ikke leses: syntaksfeil."
_INVALID_VALUE = "En verdi eller en variabel passer ikke til typen."
_INVALID = "Spørringen passer ikke til skjemaet."
_UNAVAILABLE = "Tjenesten kan ikke svare nå. Prøv igjen."
_UNEXPECTED = "Noe gikk galt hos oss."

_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_ABOUT_VALUES = re.compile(
    r"invalid value|cannot represent|expected value|does not exist in|got invalid", re.IGNORECASE
)

log = structlog.get_logger(__name__)


class Refused(GraphQLError):
    """A query that is not answered. `message` is one of our own texts."""

    def __init__(self, message: str, classification: str = BAD_REQUEST) -> None:
        super().__init__(message, extensions={"classification": classification})


def syntax_error(error: GraphQLSyntaxError) -> dict[str, Any]:
    """Format the error of a query that cannot be parsed."""
    return _formatted(error, _INVALID_SYNTAX, SYNTAX)


def validation_errors(faults: Iterable[GraphQLError], names: Collection[str]) -> list[dict[str, Any]]:
    """Format the errors of a query that does not fit the schema, which has these `names`."""
    return [_formatted(error, _without_values(error.message, names), VALIDATION) for error in faults]


def variable_errors(faults: Iterable[GraphQLError]) -> list[dict[str, Any]]:
    """Format the errors of variables that do not fit their types."""
    return [_formatted(error, _INVALID_VALUE, VALIDATION) for error in faults]


def document_error(message: str) -> dict[str, Any]:
    """Format an error that concerns the request as a whole."""
    return {"message": message, "locations": [], "extensions": {"classification": VALIDATION}}


def execution_error(error: GraphQLError) -> dict[str, Any]:
    """Format the error of a resolver. Log what is not the caller's fault, without a library's text."""
    cause = error.original_error or error
    match cause:
        case Refused():
            return _formatted(error, cause.message, (cause.extensions or {})["classification"])
        case Problem():
            return _formatted(error, cause.body["detail"], _BY_STATUS.get(cause.status, INTERNAL))
        case DatabaseUnavailable():
            return _formatted(error, _UNAVAILABLE, INTERNAL)
        case DatabaseBug() | UnstorableRow():
            log.error("lookup_refused", error=type(cause).__qualname__, cause=str(cause))
            return _formatted(error, _UNAVAILABLE, INTERNAL)
        case _:
            text = str(cause) if isinstance(cause, DatadelingError) else None
            log.error("unexpected_error", error=type(cause).__qualname__, cause=text, at=frames(cause))
            return _formatted(error, _UNEXPECTED, INTERNAL)


def _formatted(error: GraphQLError, message: str, classification: str) -> dict[str, Any]:
    formatted: dict[str, Any] = {
        "message": message,
        "locations": [{"line": at.line, "column": at.column} for at in error.locations or ()],
    }
    if error.path is not None:
        formatted["path"] = list(error.path)
    formatted["extensions"] = {"classification": classification}
    return formatted


def _without_values(message: str, names: Collection[str]) -> str:
    """Return graphql-core's text with the names of our schema, and none of the caller's."""
    if _ABOUT_VALUES.search(message):
        return _INVALID_VALUE

    def quoted(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        return f"'{name}'" if name.strip("[]!") in names else "'…'"

    text = _QUOTED.sub(quoted, message)
    return _INVALID if re.search(r"[\d{}]", text) else text


def schema_names(types: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the types, fields, arguments and values of a schema."""
    names = {*types, "skip", "include", "deprecated", "if"}
    for type_ in types.values():
        for name, field in getattr(type_, "fields", {}).items():
            names |= {name, *getattr(field, "args", ())}
        names |= {*getattr(type_, "values", ())}
    return frozenset(names)
