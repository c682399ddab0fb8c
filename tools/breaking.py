"""What breaks clients since a description of the API: `python -m tools.breaking docs/openapi.released.json`.

A request that was accepted must be accepted still, and an answer must hold what it held: requests may become
wider and answers narrower, never the other way. What cannot be judged counts as a break. Answers may get new
properties and errors new statuses: clients have been told so. Exit code 1 when there is a break.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.openapi import CURRENT
from tools.schema_changes import Side, narrowed

Json = Mapping[str, Any]
Found = Iterator[str]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def breaks(old: Json, new: Json) -> list[str]:
    """One line for each change that breaks a client of `old`."""
    return [f"{call}: {change}" for call, change in _Comparison(old, new).calls()]


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old = old
        self._new = new

    def calls(self) -> Iterator[tuple[str, str]]:
        there = dict(_calls(self._new))
        for name, was in _calls(self._old):
            now = there.get(name)
            changes = ["is gone"] if now is None else self._call(was, now)
            yield from ((name, change) for change in changes)

    def _call(self, was: Json, now: Json) -> Found:
        if was["operationId"] != now["operationId"]:
            yield f"operationId was {was['operationId']}, is {now['operationId']}"
        if was.get("tags", [])[:1] != now.get("tags", [])[:1]:
            yield "the first tag, which clients name their modules after, is another"
        if was.get("security", self._old.get("security")) != now.get("security", self._new.get("security")):
            yield "security is another"
        yield from self._parameters(was, now)
        yield from self._body(was.get("requestBody"), now.get("requestBody"))
        yield from self._answers(was["responses"], now["responses"])

    def _parameters(self, was: Json, now: Json) -> Found:
        before = {(p["in"], p["name"]): p for p in was["parameters"]}
        after = {(p["in"], p["name"]): p for p in now["parameters"]}
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"parameter {key[1]} in {key[0]} has become required"
        for (place, name), parameter in before.items():
            where = f"parameter {name} in {place}"
            if (place, name) not in after:
                yield f"{where} is gone"
                continue
            other = after[place, name]
            for how in ("style", "explode"):
                if parameter.get(how) != other.get(how):
                    yield f"{where}: {how} is another"
            yield from self._schema(where, parameter, other, Side.REQUEST)

    def _body(self, was: Json | None, now: Json | None) -> Found:
        if was is None or now is None:
            if was is not None:
                yield "the body is gone"
            elif now is not None and now.get("required"):
                yield "a body has become required"
            return
        if now.get("required") and not was.get("required"):
            yield "the body has become required"
        yield from self._content("body", was, now, Side.REQUEST)

    def _answers(self, was: Json, now: Json) -> Found:
        yield from (f"answer {status} is new" for status in now if status < "400" and status not in was)
        for status, answer in was.items():
            where = f"answer {status}"
            if status not in now:
                yield f"{where} is gone"
                continue
            before, after = _resolved(answer, self._old), _resolved(now[status], self._new)
            for name, header in before.get("headers", {}).items():
                kept = after.get("headers", {}).get(name)
                if kept is None or (header.get("required") and not kept.get("required")):
                    yield f"{where}: header {name} is gone, or no longer sure"
            yield from self._content(where, before, after, Side.ANSWER)

    def _content(self, where: str, was: Json, now: Json, side: Side) -> Found:
        for kind, media in was.get("content", {}).items():
            if kind in now.get("content", {}):
                yield from self._schema(where, media, now["content"][kind], side)
            else:
                yield f"{where}: {kind} is gone"

    def _schema(self, where: str, was: Json, now: Json, side: Side) -> Found:
        resolve: Callable[[Json, Json], Json] = _resolved
        yield from narrowed(
            where,
            was.get("schema", {}),
            now.get("schema", {}),
            side,
            (lambda schema: resolve(schema, self._old), lambda schema: resolve(schema, self._new)),
        )


def _calls(spec: Json) -> Iterator[tuple[str, Json]]:
    """Each with the parameters of its path."""
    for path, calls in spec["paths"].items():
        for method in _METHODS:
            if method in calls:
                call = calls[method]
                parameters = [*calls.get("parameters", []), *call.get("parameters", [])]
                yield f"{method.upper()} {path}", {**call, "parameters": parameters}


def _resolved(node: Json, spec: Json) -> Json:
    """What a reference leads to; anything else as it is."""
    while "$ref" in node:
        target: Any = spec
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


if __name__ == "__main__":
    found = breaks(json.loads(Path(sys.argv[1]).read_bytes()), json.loads(CURRENT.read_bytes()))
    sys.stdout.writelines(f"{change}\n" for change in found)
    sys.exit(1 if found else 0)
