"""Parses queries, validates them against the schema and bounds what one request may cost."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    NameNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationRule,
    parse,
    specified_rules,
    validate,
)

from datadeling.api.graphql import errors
from datadeling.api.graphql.queries import SCHEMA

_MAX_TOKENS = 2_000
_MAX_DEPTH = 20  # the usual introspection query has 14 or so
_MAX_LOOKUPS = 20  # in one operation
_CACHED = 500  # documents
_ELEVEN_DIGITS = re.compile(r"\d{11}", re.ASCII)
_NAME_OF_A_PERSON = (
    "Et navn kan ikke ha elleve sifre: navn gjentas i svar, og det kan være en persons nummer."
)
_TOO_DEEP = f"Spørringen er for dyp: høyst {_MAX_DEPTH} nivåer."
_TOO_COSTLY = f"Spørringen er for dyr: høyst {_MAX_LOOKUPS} oppslag i samme kall."


class Document(NamedTuple):
    """A query that may be run, or the errors in it."""

    node: DocumentNode | None
    errors: list[dict[str, Any]]


@lru_cache(maxsize=_CACHED)
def parse_document(text: str) -> Document:
    """Parse and check a query. Consumers send the same few texts over and over, so each is kept."""
    try:
        node = parse(text, max_tokens=_MAX_TOKENS)
    except GraphQLSyntaxError as error:
        return Document(None, [errors.syntax_error(error)])
    except RecursionError:
        return Document(None, [errors.document_error(_TOO_DEEP)])
    try:
        faults = validate(SCHEMA, node, _RULES, max_errors=10, hide_suggestions=True)
    except GraphQLError as error:
        faults = [error]
    if faults:
        return Document(None, errors.validation_errors(faults, _SCHEMA_NAMES))
    excess = _excess(node)
    return Document(None, [errors.document_error(excess)]) if excess else Document(node, [])


class _NoPersonalNumberAsName(ValidationRule):
    """Refuses aliases and names with eleven digits: responses repeat names, and clients log responses."""

    def enter_name(self, node: NameNode, *_: object) -> None:
        if _ELEVEN_DIGITS.search(node.value):
            self.report_error(GraphQLError(_NAME_OF_A_PERSON, node))


_RULES = (*specified_rules, _NoPersonalNumberAsName)
_SCHEMA_NAMES = errors.schema_names(SCHEMA.type_map)


def _excess(document: DocumentNode) -> str | None:
    """Return the limit that a valid document exceeds, if any. Valid fragments have no cycles."""
    costs = _Costs(document)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            depth, lookups = costs.of_selection(operation.selection_set)
            if depth > _MAX_DEPTH:
                return _TOO_DEEP
            if lookups > _MAX_LOOKUPS:
                return _TOO_COSTLY
    return None


class _Costs:
    """The depth of selections and the number of fields at their top. Each fragment is measured once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            each.name.value: each.selection_set
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._measured: dict[str, tuple[int, int]] = {}

    def of_selection(self, selection: SelectionSetNode) -> tuple[int, int]:
        costs = [(0, 0)]
        for node in selection.selections:
            match node:
                case FieldNode():
                    below = self.of_selection(node.selection_set)[0] if node.selection_set else 0
                    costs.append((1 + below, int(not node.name.value.startswith("__"))))
                case InlineFragmentNode():
                    costs.append(self.of_selection(node.selection_set))
                case FragmentSpreadNode():
                    costs.append(self._of_fragment(node.name.value))
        depths, fields = zip(*costs, strict=True)
        return max(depths), sum(fields)

    def _of_fragment(self, name: str) -> tuple[int, int]:
        if name not in self._measured:
            self._measured[name] = self.of_selection(self._fragments[name])
        return self._measured[name]
