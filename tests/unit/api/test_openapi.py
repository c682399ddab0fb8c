"""The published description says what the calls do."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from datadeling.api.v1.avtale import Avtale, Tiltak
from datadeling.domain.felt import FELTER


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


def test_what_an_address_may_hold_is_described(spec: dict[str, Any]) -> None:
    headers = ["Nav-Call-Id", "Behandlingsnummer"]
    assert names_in(spec, "/api/v1/avtaler", "get") == [*headers, "felter", "avtaleNr"]
    assert names_in(spec, "/api/v1/avtaler/{avtaleId}", "get") == [*headers, "avtaleId", "felter"]
    assert names_in(spec, "/api/v1/admin/failed-messages", "get") == [
        "Nav-Call-Id", "state", "reason", "limit",
    ]  # fmt: skip


def test_a_purpose_is_for_lookups_alone(spec: dict[str, Any]) -> None:
    for path, operations in spec["paths"].items():
        for method in operations.keys() & {"get", "post"}:
            asked = "Behandlingsnummer" in names_in(spec, path, method)
            assert asked == (not path.startswith("/api/v1/admin/")), path


def names_in(spec: dict[str, Any], path: str, method: str) -> list[str]:
    """What a call's parameters are called."""
    described = spec["paths"][path]
    return [p["name"] for p in (*described["parameters"], *described[method].get("parameters", ()))]


def test_errors_are_problems(spec: dict[str, Any]) -> None:
    responses = spec["components"]["responses"].values()
    assert all(list(response["content"]) == ["application/problem+json"] for response in responses)


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
        for title, described in schema.get("properties", {}).items():
            assert described.keys() & {"description", "example"}, f"{name}.{title}"


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
        for title, described in schema.get("properties", {}).items():
            assert title.lower() != name.lower()
            assert "default" not in described, (name, title)


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
