"""One limit for all workers, for each consumer alone."""

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from datadeling.api.security import rate_limit
from datadeling.api.security.rate_limit import RateLimit
from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"


class _Still:
    """A clock that stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_consumer_has_its_own_limit() -> None:
    limit = RateLimit(3, _Still())
    assert [limit.wait_of("a") > 0 for _ in range(4)] == [False, False, False, True]
    assert [limit.wait_of("b") > 0 for _ in range(4)] == [False, False, False, True]


def test_threads_and_processes_share_it() -> None:
    limit = RateLimit(1_000, _Still())
    reading, writing = os.pipe()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            with ThreadPoolExecutor(4) as pool:
                counts = pool.map(_let_through, [limit] * 4, [200] * 4)
            os.write(writing, sum(counts).to_bytes(4, "big"))
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert sum(int.from_bytes(os.read(reading, 4), "big") for _ in children) == 1_000
    os.close(reading)
    os.close(writing)


def test_a_worker_that_is_killed_with_the_lock_in_its_hands_holds_up_nobody() -> None:
    limit = RateLimit(5, _Still())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with limit._alone():
            os.write(writing, b"x")
            signal.pause()
    assert os.read(reading, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert limit.wait_of("a") == 0


def test_who_is_free_makes_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_SLOTS", 4)
    monkeypatch.setattr(rate_limit, "_REACH", 4)
    clock = _Still()
    limit = RateLimit(1, clock)
    assert not any(limit.wait_of(f"consumer-{number}") for number in range(4))
    assert not limit.wait_of("one too many")
    assert limit.wait_of("consumer-0")
    clock.now += 1.5
    assert not any(limit.wait_of(f"other-{number}") for number in range(4))
    assert all(limit.wait_of(f"other-{number}") for number in range(4))


@pytest.fixture
def calls_per_second() -> int:
    return 2


def test_too_many_calls_are_429_and_look_nothing_up(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    answers = [client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR}, headers=token) for _ in range(200)]
    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) == {200, 429}
    assert len(lookups.asked) == counts[200]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json is not None
    assert refused.json["kode"] == "FOR_MANGE_KALL"
    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == "1"


def _let_through(limit: RateLimit, calls: int) -> int:
    return sum(not limit.wait_of("a") for _ in range(calls))
