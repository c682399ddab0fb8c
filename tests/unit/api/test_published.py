"""The OpenAPI document in the repository is the one that is served, is complete, and breaks no client."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

import datadeling.api
from datadeling.api.openapi.errors import CODES
from datadeling.api.problems import KINDS
from tools.breaking import breaks
from tools.openapi import CURRENT, RELEASED, described

_GUIDE = Path(__file__).parents[3] / "docs" / "konsumenter.md"
_SPEC: dict[str, Any] = json.loads(described())
_CALLS = [
    pytest.param(call, id=call["operationId"])
    for path in _SPEC["paths"].values()
    for method, call in path.items()
    if method != "parameters"
]


def test_the_file_is_current() -> None:
    assert CURRENT.read_text("utf-8") == described(), "docs/openapi.json is old: run make openapi"


def test_the_file_is_the_one_that_is_served(client: FlaskClient) -> None:
    assert client.get("/api/openapi.json").text == CURRENT.read_text("utf-8")


def test_nothing_breaks_released_clients() -> None:
    found = breaks(json.loads(RELEASED.read_bytes()), _SPEC)
    assert not found, "this breaks clients; if it must be, warn them and run make openapi-released"


@pytest.mark.parametrize("call", _CALLS)
def test_a_call_has_examples_that_its_schemas_allow(call: dict[str, Any]) -> None:
    media = [body["content"]["application/json"] for body in [call.get("requestBody")] if body]
    media += [answer["content"]["application/json"] for s, answer in call["responses"].items() if s < "300"]
    assert len(media) == ("requestBody" in call) + 1
    for each in media:
        assert each["examples"]
        for example in each["examples"].values():
            _holds(example["value"], each["schema"])


@pytest.mark.parametrize("call", _CALLS)
def test_a_call_describes_itself_and_its_headers(call: dict[str, Any]) -> None:
    assert call["summary"]
    assert call["tags"]
    assert list(call["responses"]) == sorted(call["responses"])
    for answer in call["responses"].values():
        assert "Nav-Call-Id" in _resolved(answer)["headers"]
    for status in ("429", "503"):
        assert "Retry-After" in _resolved(call["responses"][status])["headers"]


def test_every_tag_and_every_parameter_is_described() -> None:
    assert all(tag["description"] for tag in _SPEC["tags"])
    for node in _nodes(_SPEC["paths"]):
        if "in" in node and "name" in node:
            assert node["description"], node["name"]
            assert "example" in node or "example" in node["schema"], node["name"]


def test_every_error_response_describes_its_codes() -> None:
    for response in _SPEC["components"]["responses"].values():
        content = response["content"]["application/problem+json"]
        assert content["examples"]
        for kode, example in content["examples"].items():
            _holds(example["value"], content["schema"])
            assert example["value"]["kode"] == kode
            assert f"`{kode}`: {CODES[kode].meaning}" in response["description"]


def test_every_code_in_the_source_is_described() -> None:
    can_be = set(_codes_in_source())
    assert {kind.kode for kind in KINDS.values()} <= can_be
    assert {"UGYLDIG_JSON", "MANGLER_ROLLE", "UGYLDIGE_FELT", "DATABASE_UTILGJENGELIG"} <= can_be
    for pattern in can_be:
        assert [kode for kode in CODES if re.fullmatch(pattern, kode)], f"{pattern} is not in CODES"


def test_the_guide_has_every_code() -> None:
    rows = re.findall(
        r"^\| (\d{3}) \| `([A-Z_]+)` \|.*\| (ja|nei) \|$", _GUIDE.read_text("utf-8"), re.MULTILINE
    )
    listed = {kode: (int(status), retry == "ja") for status, kode, retry in rows}
    assert listed == {kode: (code.status, code.retry) for kode, code in CODES.items()}


@pytest.mark.parametrize("file", [CURRENT, RELEASED, _GUIDE], ids=lambda file: file.name)
def test_identity_numbers_are_synthetic(file: Path) -> None:
    numbers = set(re.findall(r"(?<![\d-])\d{11}(?!\d)", file.read_text("utf-8")))
    assert numbers
    assert all(81 <= int(number[2:4]) <= 92 for number in numbers)


def _holds(value: object, schema: dict[str, Any]) -> None:
    whole = {"components": _SPEC["components"], **schema}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(value)


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    name = node.get("$ref", "").rpartition("/")[2]
    return _SPEC["components"]["responses"][name] if name else node


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def _codes_in_source() -> Iterator[str]:
    """Every text in the API that is a `kode`, or a template of one, as a pattern."""
    for file in Path(datadeling.api.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield from _codes_in_call(node)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "UGYLDIGE_FELT":
                yield ast.literal_eval(node.value)


def _codes_in_call(call: ast.Call) -> Iterator[str]:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "kode"]
    first = call.args[:1] if ast.unparse(call.func) in {"forbidden", "unavailable", "Kind"} else []
    for given in (*named, *first):
        if isinstance(given, ast.Constant):
            yield str(given.value)
        elif isinstance(given, ast.JoinedStr) and not ast.unparse(given).startswith("f'HTTP_"):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else ".+" for p in given.values)
