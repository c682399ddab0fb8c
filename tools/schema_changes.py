"""What breaks clients between two JSON Schemas of a request or of an answer."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

Json = Mapping[str, Any]
Resolve = Callable[[Json], Json]

_ANY = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_LOWEST = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_HIGHEST = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_SAME_OR_NONE = ("format", "pattern", "const", "uniqueItems", "if", "then", "else", "not")
_MANY = ("allOf", "anyOf", "oneOf")


class Side(Enum):
    """Who sends it. A client's requests may not be narrowed, the answers that it gets not widened."""

    REQUEST = "request"
    ANSWER = "answer"


class _Pair:
    """Two schemas. In `tight` and `loose` the one that must not be narrower than the other comes second."""

    def __init__(self, old: Json, new: Json, side: Side) -> None:
        self.old, self.new, self.side = old, new, side
        self.tight, self.loose = (old, new) if side is Side.REQUEST else (new, old)


def narrowed(
    where: str,
    old: Json,
    new: Json,
    side: Side,
    resolve: tuple[Resolve, Resolve],
    seen: frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[str]:
    """One line for each change for which a client of `old` would fail. `resolve` follow references."""
    names = (old.get("$ref", ""), new.get("$ref", ""))
    if names[0] and names[1]:
        if names in seen:
            return
        seen |= {names}
        if names[0] != names[1]:
            yield f"{where}: its type, {_last(names[0])}, is called {_last(names[1])}"
    pair = _Pair(resolve[0](old), resolve[1](new), side)
    for changes in (_own, _bounds, _properties):
        yield from (f"{where}: {change}" for change in changes(pair))
    for name, before, after in _inner(pair):
        yield from narrowed(f"{where}{name}", before, after, side, resolve, seen)


def _own(pair: _Pair) -> Iterator[str]:
    tight, loose = pair.tight, pair.loose
    if not _types(tight) <= _types(loose):
        yield f"type was {_told(pair.old)}, is {_told(pair.new)}"
    if "enum" in loose and not set(tight.get("enum", ["any value"])) <= set(loose["enum"]):
        yield "enum has other values"
    for word in _SAME_OR_NONE:
        if word in loose and tight.get(word) != loose[word]:
            yield f"{word} is another"
    if pair.side is Side.REQUEST and pair.old.get("default") != pair.new.get("default"):
        yield "default is another"
    for word in _MANY:
        if len(pair.old.get(word, ())) != len(pair.new.get(word, ())):
            yield f"{word} is another"


def _bounds(pair: _Pair) -> Iterator[str]:
    tight, loose = pair.tight, pair.loose
    for word in _LOWEST:
        if word in loose and tight.get(word, float("-inf")) < loose[word]:
            yield f"{word} is another"
    for word in _HIGHEST:
        if word in loose and tight.get(word, float("inf")) > loose[word]:
            yield f"{word} is another"


def _properties(pair: _Pair) -> Iterator[str]:
    before, after = pair.old.get("properties", {}), pair.new.get("properties", {})
    yield from (f"{name} is gone" for name in before if name not in after)
    for name in pair.loose.get("required", ()):
        if name not in pair.tight.get("required", ()):
            yield f"{name} has become required" if pair.side is Side.REQUEST else f"{name} is no longer sure"
    if pair.loose.get("additionalProperties", True) is False:
        if pair.tight.get("additionalProperties", True) is not False:
            yield "additionalProperties is another"
        if pair.side is Side.ANSWER:
            yield from (f"{name} is new, and there were to be no others" for name in after.keys() - before)


def _inner(pair: _Pair) -> Iterator[tuple[str, Json, Json]]:
    before, after = pair.old.get("properties", {}), pair.new.get("properties", {})
    yield from ((f".{name}", before[name], after[name]) for name in before if name in after)
    for word, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(pair.old.get(word), Mapping) and isinstance(pair.new.get(word), Mapping):
            yield mark, pair.old[word], pair.new[word]
        elif isinstance(pair.loose.get(word), Mapping) and pair.tight.get(word, True) is not False:
            yield mark, *(({}, pair.new[word]) if pair.side is Side.REQUEST else (pair.old[word], {}))
    for word in _MANY:
        both = zip(pair.old.get(word, ()), pair.new.get(word, ()), strict=False)
        yield from ((f".{word}[{n}]", old, new) for n, (old, new) in enumerate(both))


def _types(schema: Json) -> frozenset[str]:
    given = schema.get("type", _ANY)
    types = frozenset([given] if isinstance(given, str) else given)
    return types | {"integer"} if "number" in types else types


def _told(schema: Json) -> str:
    return " or ".join(sorted(_types(schema) - ({"integer"} if "number" in _types(schema) else set())))


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]
