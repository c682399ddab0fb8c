import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.demo.tider import instant, microseconds, oslo_time
from tests.unit.demo.seeded import seeded

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?")

seeds = st.integers(0, 2**32)
times = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(lambda t: t.replace(microsecond=0))


@given(seeds, times)
def test_an_instant_is_within_its_second(seed: int, time: datetime) -> None:
    text = instant(seeded(seed), time)
    assert INSTANT.fullmatch(text)
    assert text.startswith(time.isoformat())


@given(seeds, times)
def test_a_local_time_has_no_zone(seed: int, time: datetime) -> None:
    assert LOCAL.fullmatch(oslo_time(seeded(seed), time))


@pytest.mark.parametrize(
    ("utc", "oslo"),
    [
        pytest.param("2024-01-15T12:00", "2024-01-15T13:00", id="winter"),
        pytest.param("2024-07-15T12:00", "2024-07-15T14:00", id="summer"),
        pytest.param("2024-12-31T23:30", "2025-01-01T00:30", id="another day"),
    ],
)
def test_oslo_is_ahead_of_utc(utc: str, oslo: str) -> None:
    assert oslo_time(seeded(1), datetime.fromisoformat(utc)).startswith(oslo)


def test_every_number_of_digits_occurs_and_so_do_times_without_seconds() -> None:
    rng, time = seeded(1), datetime(2024, 1, 1, 10, 20, 30)
    local = [oslo_time(rng, time) for _ in range(5_000)]
    assert {len(text.partition(".")[2]) for text in local} == set(range(10))
    assert "2024-01-01T11:20" in local


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="no fraction"),
        pytest.param("1970-01-01T00:00:01.5Z", 1_500_000, id="one digit"),
        pytest.param("1970-01-01T00:00:00.000001Z", 1, id="six digits"),
        pytest.param("1970-01-01T00:00:00.000001999Z", 1, id="nine digits are cut, not rounded"),
        pytest.param("2022-02-04T08:46:39.573884123Z", 1_643_964_399_573_884, id="a real one"),
    ],
)
def test_microseconds(text: str, expected: int) -> None:
    assert microseconds(text) == expected
