"""What is wrong, as graphql-java says it, and never with a value: a query can hold a person's number."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from datadeling.api.problems import Problem
from datadeling.errors import DatabaseBug, DatabaseUnavailable, DatadelingError, UnstorableRow

SYNTAX, VALIDATION, FETCHING = "InvalidSyntax", "ValidationError", "DataFetchingException"
BAD_REQUEST, INTERNAL = "BAD_REQUEST", "INTERNAL_ERROR"
_BY_STATUS = {400: BAD_REQUEST, 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}

_INVALID_SYNTAX = "Spørringen kan ikke leses: syntaksfeil."
_INVALID_VALUE = "En verdi eller en variabel passer ikke til typen."
_INVALID = "Spørringen passer ikke til skjemaet."
_UNAVAILABLE = "Tjenesten kan ikke svare nå. Prøv igjen."
_UNEXPECTED = "Noe gikk galt hos oss."

_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_OF_VALUES = re.compile(
    r"invalid value|cannot represent|expected value|does not exist in|got invalid", re.IGNORECASE
)

log = structlog.get_logger(__name__)


class Refused(GraphQLError):
    """A query that is not answered, with a text of ours."""

    def __init__(self, message: str, classification: str = BAD_REQUEST) -> None:
        super().__init__(message, extensions={"classification": classification})


def syntax(error: GraphQLSyntaxError) -> dict[str, Any]:
    """A query that is none."""
    return _formatted(error, _INVALID_SYNTAX, SYNTAX)


def invalid(errors: Iterable[GraphQLError], known: Collection[str]) -> list[dict[str, Any]]:
    """A query that does not fit the schema. Of names, only those in `known` are repeated."""
    return [_formatted(error, _without_values(error.message, known), VALIDATION) for error in errors]


def invalid_variables(errors: Iterable[GraphQLError]) -> list[dict[str, Any]]:
    """Variables that do not fit what the query says of them."""
    return [_formatted(error, _INVALID_VALUE, VALIDATION) for error in errors]


def failed(error: GraphQLError) -> dict[str, Any]:
    """A query that could not be answered. What is not the caller's fault is logged, without its text."""
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
            log.error("unexpected_error", error=type(cause).__qualname__, cause=text)
            return _formatted(error, _UNEXPECTED, INTERNAL)


def of_document(message: str) -> dict[str, Any]:
    """What is wrong with the request as a whole."""
    return {"message": message, "locations": [], "extensions": {"classification": VALIDATION}}


def _formatted(error: GraphQLError, message: str, classification: str) -> dict[str, Any]:
    formatted: dict[str, Any] = {
        "message": message,
        "locations": [{"line": at.line, "column": at.column} for at in error.locations or ()],
    }
    if error.path is not None:
        formatted["path"] = list(error.path)
    formatted["extensions"] = {"classification": classification}
    return formatted


def _without_values(message: str, known: Collection[str]) -> str:
    """graphql-core's text with the names of our schema, and none of the caller's."""
    if _OF_VALUES.search(message):
        return _INVALID_VALUE

    def told(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        return f"'{name}'" if name.strip("[]!") in known else "'…'"

    text = _QUOTED.sub(told, message)
    return _INVALID if re.search(r"[\d{}]", text) else text


def known_names(types: Mapping[str, Any]) -> frozenset[str]:
    """The names of types, fields, arguments and values of a schema."""
    names = {*types, "skip", "include", "deprecated", "if"}
    for type_ in types.values():
        for name, field in getattr(type_, "fields", {}).items():
            names |= {name, *getattr(field, "args", ())}
        names |= {*getattr(type_, "values", ())}
    return frozenset(names)
