"""The consumer's own state, and the log lines about changes of it."""

import pytest
from structlog.testing import capture_logs

from datadeling.consumer.health import Health, Service


def test_an_outage_is_logged_once_and_so_is_its_end() -> None:
    service = Service("database")
    with capture_logs() as logs:
        for _ in range(3):
            service.answered()
        for _ in range(20):
            service.failed("SQLSTATE 57P01")
        for _ in range(3):
            service.answered()
        service.failed("no connection")
    assert [(entry["event"], entry.get("cause")) for entry in logs] == [
        ("service_unavailable", "SQLSTATE 57P01"),
        ("service_available", None),
        ("service_unavailable", "no connection"),
    ]


def test_the_backoff_grows_to_three_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[float, float]] = []

    def uniform(shortest: float, longest: float) -> float:
        drawn.append((shortest, longest))
        return longest

    monkeypatch.setattr("datadeling.consumer.health.random.uniform", uniform)
    monkeypatch.setattr("datadeling.consumer.health.time.monotonic", lambda: 1_000.0)
    service = Service("broker")
    assert service.pause_left() == 0
    pauses: list[float] = []
    for _ in range(12):
        service.failed("_TIMED_OUT")
        pauses.append(service.pause_left())
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(0.2)
    assert pauses[-1] == pytest.approx(3.0)
    assert {shortest for shortest, _ in drawn} == {0.1}
    service.answered()
    assert service.pause_left() == 0


def test_readiness_names_every_fault() -> None:
    state = Health()
    assert state.faults() == ["migrating", "database unreachable", "broker unreachable"]
    state.record_turn()
    state.database.answered()
    state.broker.answered()
    assert state.faults() == []
    state.stopped[2] = "a reason"
    assert state.faults() == ["partition 2 stopped: a reason"]


@pytest.mark.parametrize(
    ("migrating", "seconds", "alive"),
    [
        pytest.param(True, 3_600.0, True, id="migrating takes as long as it takes"),
        pytest.param(False, 59.0, True, id="a long turn"),
        pytest.param(False, 61.0, False, id="standing still"),
    ],
)
def test_liveness_requires_a_running_loop(
    monkeypatch: pytest.MonkeyPatch, migrating: bool, seconds: float, alive: bool
) -> None:
    now = 1_000.0
    monkeypatch.setattr("datadeling.consumer.health.time.monotonic", lambda: now)
    state = Health(_last_turn=now)
    state.record_turn()
    state.migrating = migrating
    now += seconds
    assert state.alive() is alive
