"""Never more calls than the rate allows, and never fewer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.api.security.rate import BURST, judge

_gaps = st.lists(st.floats(0, 3), min_size=1, max_size=200)
_rates = st.integers(1, 1_000)


@given(_gaps, _rates)
def test_no_stretch_of_time_holds_more_calls_than_the_rate_allows(gaps: list[float], rate: int) -> None:
    now, free_at = 1_000.0, 0.0
    let_through: list[float] = []
    for gap in gaps:
        now += gap
        verdict = judge(free_at, now, rate)
        free_at = verdict.free_at
        if not verdict.wait:
            let_through.append(now)
    for first, begin in enumerate(let_through):
        for last in range(first, len(let_through)):
            allowed = rate * (let_through[last] - begin + BURST)
            assert last - first + 1 <= allowed + 1e-3


@given(_rates, st.floats(0, 1_000))
def test_who_has_been_silent_may_call_a_seconds_worth_at_once_and_no_more(rate: int, now: float) -> None:
    free_at = 0.0
    for _ in range(rate):
        verdict = judge(free_at, now + 1, rate)
        assert not verdict.wait
        free_at = verdict.free_at
    assert judge(free_at, now + 1, rate).wait > 0


@given(_gaps, _rates)
def test_who_waits_as_long_as_told_is_let_through(gaps: list[float], rate: int) -> None:
    now, free_at = 1_000.0, 0.0
    for gap in gaps:
        now += gap / rate
        verdict = judge(free_at, now, rate)
        if verdict.wait:
            now += verdict.wait
            verdict = judge(verdict.free_at, now, rate)
        assert not verdict.wait
        free_at = verdict.free_at


def test_a_refused_call_costs_nothing() -> None:
    free_at = judge(0.0, 10.0, 1).free_at
    refused = judge(free_at, 10.0, 1)
    assert refused.free_at == free_at
    assert refused.wait == pytest.approx(1.0)
