"""A consumer that calls too often gets 429, and its calls look nothing up."""

from collections import Counter

import pytest
from flask.testing import FlaskClient

from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"


@pytest.fixture
def calls_per_second() -> int:
    return 2


def test_too_many_calls_are_429_and_look_nothing_up(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    answers = [client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR}, headers=token) for _ in range(200)]
    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) == {200, 429}
    assert len(lookups.calls) == counts[200]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json is not None
    assert refused.json["kode"] == "FOR_MANGE_KALL"
    assert refused.content_type == "application/problem+json"
    assert refused.headers["Retry-After"] == "1"
