"""Reads queries: parsed, held to the schema and to what one request may cost. Each text once."""

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

_MOST_TOKENS = 2_000
_MOST_DEPTH = 20  # the common question for the schema itself has 14 or so
_MOST_QUERIES = 20  # that look something up, in one operation
_REMEMBERED = 500  # documents
_ELEVEN_DIGITS = re.compile(r"\d{11}", re.ASCII)
_NAME_OF_A_PERSON = (
    "Et navn kan ikke ha elleve sifre: navn gjentas i svar, og det kan være en persons nummer."
)
_TOO_DEEP = f"Spørringen er for dyp: høyst {_MOST_DEPTH} nivåer."
_TOO_COSTLY = f"Spørringen er for dyr: høyst {_MOST_QUERIES} oppslag i samme kall."


class Document(NamedTuple):
    """A query that may be run, or what is wrong with it."""

    node: DocumentNode | None
    errors: list[dict[str, Any]]


@lru_cache(maxsize=_REMEMBERED)
def read(text: str) -> Document:
    """Parse a query and hold it to the schema and to the bounds of one request."""
    try:
        node = parse(text, max_tokens=_MOST_TOKENS)
    except GraphQLSyntaxError as error:
        return Document(None, [errors.syntax(error)])
    except RecursionError:
        return Document(None, [errors.of_document(_TOO_DEEP)])
    try:
        faults = validate(SCHEMA, node, _RULES, max_errors=10, hide_suggestions=True)
    except GraphQLError as error:
        faults = [error]
    if faults:
        return Document(None, errors.invalid(faults, _KNOWN_NAMES))
    too_much = _bounded(node)
    return Document(None, [errors.of_document(too_much)]) if too_much else Document(node, [])


class _NoNumbersAsNames(ValidationRule):
    """An answer has the names that the query gives, also when it tells of an error, and is logged then."""

    def enter_name(self, node: NameNode, *_: object) -> None:
        if _ELEVEN_DIGITS.search(node.value):
            self.report_error(GraphQLError(_NAME_OF_A_PERSON, node))


_KNOWN_NAMES = errors.known_names(SCHEMA.type_map)
_RULES = (*specified_rules, _NoNumbersAsNames)


def _bounded(document: DocumentNode) -> str | None:
    """What is too much of a valid document. Fragments have no cycles, since it is valid."""
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    measure = _Measure(fragments)
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            if measure.depth(operation.selection_set) > _MOST_DEPTH:
                return _TOO_DEEP
            if measure.queries(operation.selection_set) > _MOST_QUERIES:
                return _TOO_COSTLY
    return None


class _Measure:
    """Measures selections; each fragment once, however often it is spread."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._depths: dict[str, int] = {}
        self._queries: dict[str, int] = {}

    def depth(self, selected: SelectionSetNode | None) -> int:
        deepest = 0
        for node in selected.selections if selected else ():
            match node:
                case FieldNode():
                    below = 1 + self.depth(node.selection_set)
                case InlineFragmentNode():
                    below = self.depth(node.selection_set)
                case FragmentSpreadNode():
                    name = node.name.value
                    if name not in self._depths:
                        self._depths[name] = self.depth(self._fragments[name].selection_set)
                    below = self._depths[name]
                case _:
                    below = 0
            deepest = max(deepest, below)
        return deepest

    def queries(self, selected: SelectionSetNode) -> int:
        number = 0
        for node in selected.selections:
            match node:
                case FieldNode():
                    number += not node.name.value.startswith("__")
                case InlineFragmentNode():
                    number += self.queries(node.selection_set)
                case FragmentSpreadNode():
                    name = node.name.value
                    if name not in self._queries:
                        self._queries[name] = self.queries(self._fragments[name].selection_set)
                    number += self._queries[name]
                case _:
                    pass
        return number
