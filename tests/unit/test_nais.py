"""`.nais` agrees with the code: variables, ports, paths, metrics."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from datadeling.config import api_config, consumer_config
from datadeling.metrics import ApiMetrics, ConsumerMetrics

_NAIS = Path(__file__).parents[2] / ".nais"
_TEMPLATES = ("app.yaml", "topic.yaml", "alerts.yaml")
_CLUSTERS = ("dev-gcp.yaml", "prod-gcp.yaml")
_VARIABLE = re.compile(r"{{\s*(?:#each )?([a-z_]+)\s*}}")
_EACH = re.compile(r"{{#each (\w+)}}(.*?){{/each}}", re.DOTALL)
_METRIC = re.compile(r"datadeling_\w+")
_SELECTED = re.compile(r"\b((?:datadeling|kube)_\w+)({[^}]*})?")
# What the platform gives an application that asks for Kafka, a database and Entra ID.
_GIVEN = {
    "KAFKA_BROKERS": "kafka:9092",
    "DB_URL": (
        "postgresql://datadeling:secret@10.10.10.10:5432/datadeling?sslcert=%2Fsql%2Fcert.pem"
        "&sslkey=%2Fsql%2Fkey.pem&sslmode=verify-ca&sslrootcert=%2Fsql%2Froot-cert.pem"
    ),
    "KAFKA_CA_PATH": __file__,
    "KAFKA_CERTIFICATE_PATH": __file__,
    "KAFKA_PRIVATE_KEY_PATH": __file__,
    "AZURE_APP_CLIENT_ID": "datadeling",
    "AZURE_OPENID_CONFIG_ISSUER": "https://issuer",
    "AZURE_OPENID_CONFIG_JWKS_URI": "https://issuer/keys",
}
_NOT_OURS = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"}


def variables(cluster: str) -> dict[str, Any]:
    found = yaml.safe_load((_NAIS / cluster).read_text("utf-8"))
    assert isinstance(found, dict)
    return {**found, "image": "datadeling:test"}


def filled(template: str, cluster: str) -> dict[str, Any]:
    """Return a document with its variables filled in, as for the platform."""
    values = variables(cluster)
    text = _EACH.sub(
        lambda each: "".join(each[2].replace("{{this}}", value) for value in values[each[1]]),
        (_NAIS / template).read_text("utf-8"),
    )
    document = yaml.safe_load(_VARIABLE.sub(lambda name: str(values[name[1]]), text))
    assert isinstance(document, dict)
    return document


@pytest.fixture(params=_CLUSTERS)
def spec(request: pytest.FixtureRequest) -> Any:
    return filled("app.yaml", request.param)["spec"]


def test_every_variable_of_a_cluster_is_used_and_every_used_one_is_set() -> None:
    used = {
        name for template in _TEMPLATES for name in _VARIABLE.findall((_NAIS / template).read_text("utf-8"))
    } - {"this"}
    for cluster in _CLUSTERS:
        assert used == variables(cluster).keys(), cluster


def test_both_processes_start_with_the_variables_of_nais(spec: Any) -> None:
    env = {entry["name"]: entry["value"] for entry in spec["env"]}
    api = api_config({**_GIVEN, **env})
    consumer = consumer_config({**_GIVEN, **env})
    assert (api.topic, consumer.kafka.topic) == (env["KAFKA_TOPIC"], env["KAFKA_TOPIC"])
    assert api.entra.admin_group == env["ADMIN_GROUP"]
    assert (api.port, consumer.port, api.consumer_port) == (spec["port"], 8081, 8081)


def test_every_variable_is_read_by_the_code(spec: Any) -> None:
    source = (_NAIS.parent / "datadeling" / "config.py").read_text("utf-8")
    for entry in spec["env"]:
        assert f'"{entry["name"]}"' in source or entry["name"] in _NOT_OURS


def test_auto_instrumentation_exports_metrics_only(spec: Any) -> None:
    env = {entry["name"]: entry["value"] for entry in spec["env"]}
    assert (env["OTEL_TRACES_EXPORTER"], env["OTEL_LOGS_EXPORTER"]) == ("none", "none")
    assert {"click", "flask", "psycopg"} <= set(env["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"].split(","))


def test_liveness_asks_the_consumer_and_readiness_the_api(spec: Any) -> None:
    assert (spec["liveness"]["port"], spec["liveness"]["path"]) == (8081, "/internal/health/liveness")
    assert (spec["readiness"].get("port", 8080), spec["readiness"]["path"]) == (
        8080,
        "/internal/health/readiness",
    )
    assert (spec["prometheus"]["port"], spec["prometheus"]["path"]) == ("8080", "/internal/prometheus")


def test_there_are_two_pods_and_the_database_is_guarded(spec: Any) -> None:
    assert spec["replicas"]["min"] >= 2
    (instance,) = spec["gcp"]["sqlInstances"]
    flags = {flag["name"]: flag["value"] for flag in instance["flags"]}
    assert instance["type"] == "POSTGRES_18"
    assert flags["cloudsql.logical_decoding"] == "on"
    assert flags["log_error_verbosity"] == "terse"
    assert flags["pgaudit.log_parameter"] == "off"
    assert int(flags["max_slot_wal_keep_size"]) > 0
    assert instance["databases"][0] == {
        "name": "datadeling", "envVarPrefix": "DB", "users": [{"name": "datastream"}],
    }  # fmt: skip


def test_every_consumer_has_a_role_and_no_consumer_is_a_wildcard(spec: Any) -> None:
    for rule in spec["accessPolicy"]["inbound"]["rules"]:
        assert rule["application"] not in {"", "*"}
        assert rule["permissions"]["roles"]


@pytest.mark.parametrize("cluster", _CLUSTERS)
def test_every_metric_of_an_alert_exists(cluster: str) -> None:
    there = set(_metrics())
    asked = {name for rule in _rules(cluster) for name in _METRIC.findall(rule["expr"])}
    assert len(asked) > 8
    assert asked <= there


@pytest.mark.parametrize("cluster", _CLUSTERS)
def test_every_metric_of_an_alert_is_selected_by_namespace(cluster: str) -> None:
    ours = f'namespace="{variables(cluster)["namespace"]}"'
    for rule in _rules(cluster):
        for name, labels in _SELECTED.findall(rule["expr"]):
            assert ours in labels, (rule["alert"], name)


@pytest.mark.parametrize("cluster", _CLUSTERS)
def test_every_alert_has_its_consequence_and_a_runbook_entry(cluster: str) -> None:
    runbook = (_NAIS.parent / "docs" / "runbook.md").read_text("utf-8")
    headings = set(re.findall(r"^## (.+)$", runbook, re.MULTILINE))
    for rule in _rules(cluster):
        assert rule["labels"]["namespace"] == variables(cluster)["namespace"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "consequence", "action"}
        _, _, sections = rule["annotations"]["action"].partition("runbook: ")
        assert set(filter(None, re.split(r", or (?=[A-Z])", sections))) <= headings, rule["alert"]


def test_the_runbook_and_the_alerts_name_each_other() -> None:
    runbook = (_NAIS.parent / "docs" / "runbook.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", runbook, re.MULTILINE))
    actions = {rule["alert"]: rule["annotations"]["action"] for rule in _rules("prod-gcp.yaml")}
    for alert, action in actions.items():
        _, _, section = action.partition("runbook: ")
        assert f"`{alert}`" in sections.get(section, runbook), alert
    assert set(re.findall(r"`(Datadeling\w+)`", runbook)) == actions.keys()


def test_every_link_in_the_runbook_has_a_complete_entry() -> None:
    runbook = (_NAIS.parent / "docs" / "runbook.md").read_text("utf-8")
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", runbook, re.MULTILINE))
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in sections}
    assert set(re.findall(r"\]\(#([\w-]+)\)", runbook)) <= anchors
    for title, text in sections.items():
        if title != "Before you start":
            assert all(f"**{part}.**" in text for part in ("Symptom", "Meaning", "Steps")), title


def _rules(cluster: str) -> Iterator[Any]:
    for group in filled("alerts.yaml", cluster)["spec"]["groups"]:
        yield from group["rules"]


def _metrics() -> Iterator[str]:
    """Generate the names in queries: a counter's ends in `_total`, and a histogram has three."""
    for metrics in (ConsumerMetrics, ApiMetrics):
        registry = CollectorRegistry()
        metrics(registry)
        for family in registry.collect():
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
            yield from (family.name + ending for ending in endings.get(family.type, ("",)))
    yield "datadeling_consumer_scraped"
