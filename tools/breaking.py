"""Changes of the API that break clients: `python -m tools.breaking docs/openapi.released.json`.

A request that was accepted must still be accepted, and a response must hold what it held: requests may
become wider and responses narrower, never the other way. A change that cannot be judged counts as breaking.
Responses may get new properties, and calls new error statuses: clients have been warned of both. Exit code 1
when there is a breaking change.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from tools.openapi import CURRENT

Json = Mapping[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_TYPE_NAME = "the name of its type"
_ANY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_LOWEST = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_HIGHEST = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_SAME_OR_NONE = ("format", "pattern", "const", "uniqueItems", "if", "then", "else", "not")
_SAME_IN_REQUESTS = ("default", "style", "explode")
_ALTERNATIVES = ("allOf", "anyOf", "oneOf")


class Side(Enum):
    """The sender. Requests must not become narrower, responses not wider."""

    REQUEST = "request"
    RESPONSE = "response"


def breaks(old: Json, new: Json) -> list[str]:
    """Return one line for each change that breaks a client of `old`."""
    calls = dict(_calls(new))
    return [
        f"{name}: {change}"
        for name, call in _calls(old)
        for change in (_call_changes(call, calls[name]) if name in calls else ["is gone"])
    ]


def _calls(spec: Json) -> Iterator[tuple[str, Json]]:
    """Yield each call by method and path, with the parameters of its path and without references."""
    for path, calls in spec["paths"].items():
        for method in _METHODS:
            if method in calls:
                call = {"security": spec.get("security"), **calls[method]}
                call["parameters"] = [*calls.get("parameters", []), *call.get("parameters", [])]
                yield f"{method.upper()} {path}", _inlined(call, spec)


def _inlined(node: Any, spec: Json, above: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 (any JSON)
    """Return the node with what its references lead to. A type within itself is left as its name."""
    if isinstance(node, list):
        return [_inlined(each, spec, above) for each in node]
    if not isinstance(node, dict):
        return node
    inlined = {name: _inlined(each, spec, above) for name, each in node.items() if name != "$ref"}
    if "$ref" not in node:
        return inlined
    *_, kind, name = node["$ref"].split("/")
    if name in above:
        return {_TYPE_NAME: name}
    target = _inlined(spec["components"][kind][name], spec, (*above, name))
    return {**target, _TYPE_NAME: name, **inlined}


def _call_changes(old: Json, new: Json) -> Iterator[str]:
    if old["operationId"] != new["operationId"]:
        yield f"operationId was {old['operationId']}, is {new['operationId']}"
    if old.get("tags", [])[:1] != new.get("tags", [])[:1]:
        yield "the first tag, which clients name their modules after, is another"
    if old["security"] != new["security"]:
        yield "security is another"
    yield from _changes("request", _request(old), _request(new), Side.REQUEST)
    for status in new["responses"]:
        if status < "400" and status not in old["responses"]:
            yield f"response {status} is new"
    for status, response in old["responses"].items():
        if status in new["responses"]:
            after = _response(new["responses"][status])
            yield from _changes(f"response {status}", _response(response), after, Side.RESPONSE)
        else:
            yield f"response {status} is gone"


def _request(call: Json) -> Json:
    """Return the parameters and the body of a call as one schema."""
    body = call.get("requestBody", {})
    contents = {f"body {kind}": media.get("schema", {}) for kind, media in body.get("content", {}).items()}
    required = [*contents] if body.get("required") else []
    parameters = {}
    for each in call["parameters"]:
        name = f"{each['in']} {each['name']}"
        parameters[name] = {
            **each.get("schema", {}),
            "style": each.get("style"),
            "explode": each.get("explode"),
        }
        required += [name] if each.get("required") else []
    return {"properties": parameters | contents, "required": required}


def _response(response: Json) -> Json:
    """Return the headers and the body of a response as one schema."""
    headers = {f"header {name}": header for name, header in response.get("headers", {}).items()}
    contents = {kind: media.get("schema", {}) for kind, media in response.get("content", {}).items()}
    required = [name for name, header in headers.items() if header.get("required")]
    schemas = {name: header.get("schema", {}) for name, header in headers.items()}
    return {"properties": schemas | contents, "required": required}


def _changes(where: str, old: Json, new: Json, side: Side) -> Iterator[str]:
    """Yield one line for each change of a schema, and of those in it, that breaks a client of `old`."""
    for changes in (_own_changes, _bound_changes, _property_changes):
        yield from (f"{where}: {change}" for change in changes(old, new, side))
    for name, before, after in _inner(old, new, side):
        yield from _changes(f"{where}{name}", before, after, side)


def _tight_and_loose(old: Json, new: Json, side: Side) -> tuple[Json, Json]:
    """Return the schema that may be narrower, and the one that may be wider."""
    return (old, new) if side is Side.REQUEST else (new, old)


def _own_changes(old: Json, new: Json, side: Side) -> Iterator[str]:
    tight, loose = _tight_and_loose(old, new, side)
    if old.get(_TYPE_NAME, new.get(_TYPE_NAME)) != new.get(_TYPE_NAME, old.get(_TYPE_NAME)):
        yield f"its type, {old[_TYPE_NAME]}, is called {new[_TYPE_NAME]}"
    if not _types(tight) <= _types(loose):
        yield f"type was {_spelled(old)}, is {_spelled(new)}"
    if "enum" in loose and not set(tight.get("enum", ["any value"])) <= set(loose["enum"]):
        yield "enum has other values"
    for word in _SAME_OR_NONE:
        if word in loose and tight.get(word) != loose[word]:
            yield f"{word} is another"
    for word in _SAME_IN_REQUESTS:
        if side is Side.REQUEST and old.get(word) != new.get(word):
            yield f"{word} is another"
    for word in _ALTERNATIVES:
        if len(old.get(word, ())) != len(new.get(word, ())):
            yield f"{word} is another"


def _bound_changes(old: Json, new: Json, side: Side) -> Iterator[str]:
    tight, loose = _tight_and_loose(old, new, side)
    for word in _LOWEST:
        if word in loose and tight.get(word, float("-inf")) < loose[word]:
            yield f"{word} is another"
    for word in _HIGHEST:
        if word in loose and tight.get(word, float("inf")) > loose[word]:
            yield f"{word} is another"


def _property_changes(old: Json, new: Json, side: Side) -> Iterator[str]:
    tight, loose = _tight_and_loose(old, new, side)
    before, after = old.get("properties", {}), new.get("properties", {})
    yield from (f"{name} is gone" for name in before if name not in after)
    for name in loose.get("required", ()):
        if name not in tight.get("required", ()):
            yield f"{name} has become required" if side is Side.REQUEST else f"{name} is no longer certain"
    if loose.get("additionalProperties", True) is False:
        if tight.get("additionalProperties", True) is not False:
            yield "additionalProperties is another"
        if side is Side.RESPONSE:
            yield from (f"{name} is new, and there were to be no others" for name in after.keys() - before)


def _inner(old: Json, new: Json, side: Side) -> Iterator[tuple[str, Json, Json]]:
    """Yield the pairs of schemas in two schemas. The wide one may lack `items`: then they are any."""
    tight, loose = _tight_and_loose(old, new, side)
    before, after = old.get("properties", {}), new.get("properties", {})
    yield from ((f".{name}", before[name], after[name]) for name in before if name in after)
    for word, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(loose.get(word), dict) and tight.get(word) is not False:
            yield mark, *({} if each.get(word, True) is True else each[word] for each in (old, new))
    for word in _ALTERNATIVES:
        both = zip(old.get(word, ()), new.get(word, ()), strict=False)
        yield from ((f".{word}[{n}]", *pair) for n, pair in enumerate(both))


def _types(schema: Json) -> frozenset[str]:
    named = schema.get("type", _ANY_TYPE)
    types = frozenset([named] if isinstance(named, str) else named)
    return types | {"integer"} if "number" in types else types


def _spelled(schema: Json) -> str:
    types = _types(schema)
    return " or ".join(sorted(types - {"integer"} if "number" in types else types))


if __name__ == "__main__":
    found = breaks(json.loads(Path(sys.argv[1]).read_bytes()), json.loads(CURRENT.read_bytes()))
    sys.stdout.writelines(f"{change}\n" for change in found)
    sys.exit(1 if found else 0)
