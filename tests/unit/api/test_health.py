"""Probes, and the metrics of both processes on one page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.parser import text_string_to_metric_families

from datadeling.errors import DatabaseUnavailable
from datadeling.metrics import ConsumerMetrics
from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"
_Application = Callable[..., Any]


def test_alive_whatever_the_database_does(client: FlaskClient, lookups: FakeLookups) -> None:
    lookups.answer = DatabaseUnavailable("no connection")
    assert client.get("/internal/health/liveness").status_code == 200


def test_ready_when_lookups_can_be_answered(client: FlaskClient, lookups: FakeLookups) -> None:
    assert client.get("/internal/health/readiness").json == {"status": "UP"}
    lookups.answer = DatabaseUnavailable("the schema lacks migrations")
    response = client.get("/internal/health/readiness")
    assert response.status_code == 503
    assert response.json == {"status": "DOWN", "faults": ["database: the schema lacks migrations"]}


def test_lookups_are_counted_by_client_route_and_outcome(client: FlaskClient, token: dict[str, str]) -> None:
    client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR}, headers=token)
    client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR})
    client.get(f"/api/v1/avtaler/{_FNR}", headers=token)
    client.get(f"/api/v1/{_FNR}")
    samples = _samples(client.get("/internal/prometheus").text)
    counted = {key: value for key, value in samples.items() if key[0] == "datadeling_lookups_total"}
    consumer = "22222222-bbbb-4bbb-8bbb-222222222222"
    assert counted == {
        ("datadeling_lookups_total", consumer, "/api/v1/tiltaksstatus", "200"): 1,
        ("datadeling_lookups_total", "unknown", "/api/v1/tiltaksstatus", "401"): 1,
        ("datadeling_lookups_total", consumer, "/api/v1/avtaler/{avtaleId}", "400"): 1,
    }
    assert samples["datadeling_lookup_seconds_count", "/api/v1/tiltaksstatus"] == 2


def test_the_consumers_metrics_are_on_the_page_and_no_family_twice(
    client: FlaskClient, token: dict[str, str], consumer_port: int
) -> None:
    registry = CollectorRegistry()
    ConsumerMetrics(registry).events.labels("new").inc(7)
    client.post("/api/v1/avtaler/sok", json={"fnr": _FNR}, headers=token)
    with _consumer(consumer_port, make_wsgi_app(registry)):
        response = client.get("/internal/prometheus")
    assert response.content_type.startswith("text/plain")
    samples = _samples(response.text)
    assert samples["datadeling_events_total", "new"] == 7
    assert samples[("datadeling_consumer_scraped",)] == 1
    names = [family.name for family in text_string_to_metric_families(response.text)]
    assert len(names) == len(set(names))
    assert {"datadeling_lookups", "datadeling_lookup_seconds", "datadeling_consumer_lag"} <= set(names)


def test_without_the_consumer_the_page_is_whole(client: FlaskClient) -> None:
    response = client.get("/internal/prometheus")
    assert response.status_code == 200
    assert _samples(response.text)[("datadeling_consumer_scraped",)] == 0


@pytest.mark.parametrize(
    ("status", "content_type"),
    [
        pytest.param("200 OK", "text/html", id="somebody else"),
        pytest.param("500 Internal Server Error", "text/plain", id="an error"),
    ],
)
def test_text_that_is_no_exposition_is_left_out(
    status: str, content_type: str, client: FlaskClient, consumer_port: int
) -> None:
    def application(_: object, start: Callable[..., Any]) -> list[bytes]:
        start(status, [("Content-Type", content_type)])
        return [b"hello"]

    with _consumer(consumer_port, application):
        text = client.get("/internal/prometheus").text
    assert "hello" not in text
    assert _samples(text)[("datadeling_consumer_scraped",)] == 0


@contextmanager
def _consumer(port: int, application: _Application) -> Iterator[None]:
    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with make_server("127.0.0.1", port, application, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _samples(text: str) -> dict[tuple[str, ...], float]:
    """Values by the sample's name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
