"""Parses queries, validates them against the schema and bounds what one request may cost."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import graphql

from datadeling.api.graphql.errors import SYNTAX, VALIDATION, formatted, without_values
from datadeling.api.graphql.schema import SCHEMA

_MAX_TOKENS = 2_000
_MAX_DEPTH = 20  # the usual introspection query has 14 or so
_MAX_LOOKUPS = 20  # in one operation
_CACHED = 500  # documents
_ELEVEN_DIGITS = re.compile(r"\d{11}", re.ASCII)
_INVALID_SYNTAX = "Spørringen kan ikke leses: syntaksfeil."
_NAME_OF_A_PERSON = (
    "Et navn kan ikke ha elleve sifre: navn gjentas i svar, og det kan være en persons nummer."
)
_TOO_DEEP = f"Spørringen er for dyp: høyst {_MAX_DEPTH} nivåer."
_TOO_COSTLY = f"Spørringen er for dyr: høyst {_MAX_LOOKUPS} oppslag i samme kall."


class _NoPersonalNumberAsName(graphql.ValidationRule):
    """Refuses aliases and names with eleven digits: responses repeat names, and clients log responses."""

    def enter_name(self, node: graphql.NameNode, *_: object) -> None:
        if _ELEVEN_DIGITS.search(node.value):
            self.report_error(graphql.GraphQLError(_NAME_OF_A_PERSON, node))


_RULES = (*graphql.specified_rules, _NoPersonalNumberAsName)


@lru_cache(maxsize=_CACHED)
def parse_document(text: str) -> graphql.DocumentNode | list[dict[str, Any]]:
    """Return a query that may be run, or the errors in it. Consumers send the same few over and over."""
    try:
        document = graphql.parse(text, max_tokens=_MAX_TOKENS)
    except graphql.GraphQLSyntaxError as error:
        return [formatted(_INVALID_SYNTAX, SYNTAX, error)]
    except RecursionError:
        return [formatted(_TOO_DEEP, VALIDATION)]
    if faults := graphql.validate(SCHEMA, document, _RULES, max_errors=10, hide_suggestions=True):
        return [formatted(without_values(fault.message), VALIDATION, fault) for fault in faults]
    excess = _excess(document)
    return [formatted(excess, VALIDATION)] if excess else document


def _excess(document: graphql.DocumentNode) -> str | None:
    """Return the limit that a valid document exceeds, if any."""
    fragments = {
        each.name.value: each.selection_set
        for each in document.definitions
        if isinstance(each, graphql.FragmentDefinitionNode)
    }
    measured: dict[str, tuple[int, int]] = {}
    for operation in document.definitions:
        if isinstance(operation, graphql.OperationDefinitionNode):
            depth, lookups = _costs(operation.selection_set, fragments, measured)
            if depth > _MAX_DEPTH:
                return _TOO_DEEP
            if lookups > _MAX_LOOKUPS:
                return _TOO_COSTLY
    return None


def _costs(
    selection: graphql.SelectionSetNode,
    fragments: Mapping[str, graphql.SelectionSetNode],
    measured: dict[str, tuple[int, int]],
) -> tuple[int, int]:
    """Return the depth of a selection, and the number of fields at its top.

    Each fragment is measured once, however often it is spread. Valid fragments have no cycles.
    """
    costs = [(0, 0)]
    for node in selection.selections:
        match node:
            case graphql.FieldNode():
                below = _costs(node.selection_set, fragments, measured)[0] if node.selection_set else 0
                costs.append((1 + below, int(not node.name.value.startswith("__"))))
            case graphql.InlineFragmentNode():
                costs.append(_costs(node.selection_set, fragments, measured))
            case graphql.FragmentSpreadNode():
                name = node.name.value
                if name not in measured:
                    measured[name] = _costs(fragments[name], fragments, measured)
                costs.append(measured[name])
    depths, fields = zip(*costs, strict=True)
    return max(depths), sum(fields)
