"""The OpenAPI document describes the calls, is the one that is served, is complete, and breaks no client."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

import datadeling.api
from datadeling.api.openapi.errors import CODES
from datadeling.api.problems import KINDS
from datadeling.api.v1.avtale import Avtale, Tiltak
from datadeling.domain.felt import FELTER
from tools.breaking import breaks
from tools.openapi import CURRENT, RELEASED, described


@pytest.fixture
def spec(app: Flask) -> dict[str, Any]:
    response = app.test_client().get("/api/openapi.json")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert isinstance(response.json, dict)
    return response.json


def test_every_call_is_described(spec: dict[str, Any], app: Flask) -> None:
    assert spec["openapi"] == "3.1.0"
    rules = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1")}
    assert {path.replace("{", "<").replace("}", ">") for path in spec["paths"]} == rules
    for operations in spec["paths"].values():
        for operation in (operations[m] for m in ("get", "post") if m in operations):
            assert operation["operationId"]
            assert operation["summary"]
            assert {"400", "401", "403", "500", "503"} <= operation["responses"].keys()
            assert len({"200", "202"} & operation["responses"].keys()) == 1
            assert "422" not in operation["responses"]
            assert "default" not in operation["responses"]


def test_parameters_are_described(spec: dict[str, Any]) -> None:
    headers = ["Nav-Call-Id", "Behandlingsnummer"]
    assert names_in(spec, "/api/v1/avtaler", "get") == [*headers, "felter", "avtaleNr"]
    assert names_in(spec, "/api/v1/avtaler/{avtaleId}", "get") == [*headers, "avtaleId", "felter"]
    assert names_in(spec, "/api/v1/admin/failed-messages", "get") == [
        "Nav-Call-Id", "state", "reason", "limit",
    ]  # fmt: skip


def test_a_purpose_is_for_lookups_alone(spec: dict[str, Any]) -> None:
    for path, operations in spec["paths"].items():
        for method in operations.keys() & {"get", "post"}:
            is_named = "Behandlingsnummer" in names_in(spec, path, method)
            assert is_named == (not path.startswith("/api/v1/admin/")), path


def names_in(spec: dict[str, Any], path: str, method: str) -> list[str]:
    """Return the names of the parameters of a call."""
    described = spec["paths"][path]
    return [p["name"] for p in (*described["parameters"], *described[method].get("parameters", ()))]


def test_errors_are_problems(spec: dict[str, Any]) -> None:
    responses = spec["components"]["responses"].values()
    assert {tuple(response["content"]) for response in responses} == {("application/problem+json",)}


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    for node in _nodes(spec):
        if "$ref" in node:
            target: Any = spec
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]


def test_an_avtale_is_described_from_the_shared_fields(spec: dict[str, Any]) -> None:
    properties = spec["components"]["schemas"]["Avtale"]["properties"]
    assert list(properties) == [felt.json for felt in FELTER]
    for felt in FELTER:
        assert properties[felt.json]["description"].startswith(felt.meaning)
        assert all(value in properties[felt.json]["description"] for value in felt.known)
        assert "enum" not in properties[felt.json]
        assert ("null" in properties[felt.json]["type"]) == felt.nullable
    assert list(Avtale().fields) == list(properties)
    assert set(Tiltak().fields) - set(properties) == {"varighetDager"}


def test_requests_are_closed_and_answers_open(spec: dict[str, Any]) -> None:
    for name, schema in spec["components"]["schemas"].items():
        assert schema.get("additionalProperties", True) == (not name.endswith(("Spoersmaal", "Periode"))), (
            name
        )


def test_every_property_is_described_or_has_an_example(spec: dict[str, Any]) -> None:
    for name, schema in spec["components"]["schemas"].items():
        for title, property_ in schema.get("properties", {}).items():
            assert property_.keys() & {"description", "example"}, f"{name}.{title}"


def test_identity_numbers_in_examples_are_synthetic(spec: dict[str, Any]) -> None:
    numbers = set(re.findall(r"(?<!\d)\d{11}(?!\d)", str(spec)))
    assert numbers
    assert all(81 <= int(number[2:4]) <= 92 for number in numbers)


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def test_generators_of_clients_do_not_stumble(spec: dict[str, Any]) -> None:
    # In Python a type and its property of the same name get one variable; in TypeScript what has a default
    # becomes required. `make clients` finds that, too, and is not run here.
    for name, schema in spec["components"]["schemas"].items():
        for title, property_ in schema.get("properties", {}).items():
            assert title.lower() != name.lower()
            assert "default" not in property_, (name, title)


def test_a_list_of_fields_is_one_type_wherever_it_stands(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    types = {
        name: schemas[name]["properties"]["felter"]["items"]["$ref"].rpartition("/")[2]
        for name in ("TiltaksstatusSpoersmaal", "BolkSpoersmaal", "AvtalesoekSpoersmaal")
    }
    assert list(types.values()) == ["Tiltaksfelt", "Tiltaksfelt", "Avtalefelt"]
    shared = [felt.json for felt in FELTER]
    assert schemas["Avtalefelt"]["enum"] == shared
    assert schemas["Tiltaksfelt"]["enum"] == [*shared, "varighetDager"]


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
