import random
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.demo.avtale import instant, oslo_time, syntetisk_fnr

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?")
# As the tax authority states it: weighted with the check digits included, the sums divide by 11.
K1 = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
K2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)

seeds = st.integers(0, 2**32)
times = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(lambda t: t.replace(microsecond=0))


@given(seeds)
def test_an_fnr_is_well_formed_with_80_added_to_the_month(seed: int) -> None:
    fnr = syntetisk_fnr(random.Random(seed))
    assert re.fullmatch(r"[0-9]{11}", fnr)
    assert 81 <= int(fnr[2:4]) <= 92
    datetime(2000, int(fnr[2:4]) - 80, int(fnr[:2]))
    digits = [int(c) for c in fnr]
    for weights in (K1, K2):
        assert sum(w * d for w, d in zip(weights, digits, strict=False)) % 11 == 0


@given(seeds)
def test_the_individnummer_agrees_with_the_century(seed: int) -> None:
    fnr = syntetisk_fnr(random.Random(seed))
    born_in_1900s = int(fnr[4:6]) >= 55
    assert (int(fnr[6:9]) < 500) == born_in_1900s


@given(seeds)
def test_the_same_seed_gives_the_same_number(seed: int) -> None:
    assert syntetisk_fnr(random.Random(seed)) == syntetisk_fnr(random.Random(seed))


@given(seeds, times)
def test_an_instant_is_within_its_second(seed: int, time: datetime) -> None:
    text = instant(random.Random(seed), time)
    assert INSTANT.fullmatch(text)
    assert text.startswith(time.isoformat())


@given(seeds, times)
def test_a_local_time_has_no_zone(seed: int, time: datetime) -> None:
    assert LOCAL.fullmatch(oslo_time(random.Random(seed), time))


@pytest.mark.parametrize(
    ("utc", "oslo"),
    [
        pytest.param("2024-01-15T12:00", "2024-01-15T13:00", id="winter"),
        pytest.param("2024-07-15T12:00", "2024-07-15T14:00", id="summer"),
        pytest.param("2024-12-31T23:30", "2025-01-01T00:30", id="another day"),
    ],
)
def test_oslo_is_ahead_of_utc(utc: str, oslo: str) -> None:
    assert oslo_time(random.Random(1), datetime.fromisoformat(utc)).startswith(oslo)


def test_every_number_of_digits_occurs_and_so_do_times_without_seconds() -> None:
    rng, time = random.Random(1), datetime(2024, 1, 1, 10, 20, 30)
    local = [oslo_time(rng, time) for _ in range(5_000)]
    assert {len(text.partition(".")[2]) for text in local} == set(range(10))
    assert "2024-01-01T11:20" in local
