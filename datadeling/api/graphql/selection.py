"""Which fields of the avtaler a query asks for, so that nothing else is read."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution import get_directive_values

from datadeling.api.graphql.schema import BY_NAME, GRAPHQL_FELTER, Info
from datadeling.domain.felt import Felt


def selected(info: Info) -> tuple[Felt, ...]:
    """The fields that the query at hand asks for, in the order of the schema."""
    names = {
        name for node in info.field_nodes if node.selection_set for name in _names(node.selection_set, info)
    }
    return tuple(felt for felt in GRAPHQL_FELTER if felt.json in names & BY_NAME.keys())


def _names(selection: SelectionSetNode, info: Info) -> Iterator[str]:
    for node in selection.selections:
        if not _is_included(node, info.variable_values):
            continue
        match node:
            case FieldNode():
                yield node.name.value
            case InlineFragmentNode():
                yield from _names(node.selection_set, info)
            case FragmentSpreadNode():
                yield from _names(info.fragments[node.name.value].selection_set, info)


def _is_included(node: SelectionNode, variables: Any) -> bool:  # noqa: ANN401 (graphql-core's own)
    skip: Mapping[str, Any] = get_directive_values(GraphQLSkipDirective, node, variables) or {}
    include: Mapping[str, Any] = get_directive_values(GraphQLIncludeDirective, node, variables) or {}
    return not skip.get("if", False) and bool(include.get("if", True))
