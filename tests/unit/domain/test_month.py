"""Months of Oslo: where they begin, and how they are written."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.month import Month

MONTHS = st.builds(Month, st.integers(1950, 2090), st.integers(1, 12))
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("time", "month"),
    [
        ("2026-06-30T21:59:59Z", Month(2026, 6)),
        ("2026-06-30T22:00:00Z", Month(2026, 7)),
        ("2026-12-31T22:59:59Z", Month(2026, 12)),
        ("2026-12-31T23:00:00Z", Month(2027, 1)),
    ],
)
def test_a_month_begins_when_it_does_in_oslo(time: str, month: Month) -> None:
    assert Month.of(datetime.fromisoformat(time)) == month


@given(TIMES)
def test_every_time_is_in_its_month_and_in_no_other(time: datetime) -> None:
    month = Month.of(time)
    assert month.begins <= time < month.ends
    assert month.later(-1).ends == month.begins


@given(MONTHS, st.integers(-40, 40))
def test_later_goes_month_by_month(month: Month, months: int) -> None:
    found = month.later(months)
    assert found.later(-months) == month
    assert (found > month) == (months > 0)
    if months > 0:
        assert found.begins - month.begins >= timedelta(days=28 * months)


@given(MONTHS)
def test_a_month_can_be_read_as_it_is_written(month: Month) -> None:
    assert Month.parse(str(month)) == month


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13", "2026-00", "2026-1", " 2026-01", "2026-01-01", "1899-12", "9999-12"],
)
def test_an_invalid_month_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^not a month$"):
        Month.parse(text)


def test_its_ends_carry_the_offset_of_oslo() -> None:
    assert Month(2026, 3).begins.isoformat() == "2026-03-01T00:00:00+01:00"
    assert Month(2026, 3).ends.isoformat() == "2026-04-01T00:00:00+02:00"
    assert Month(2026, 3).begins.tzinfo == ZoneInfo("Europe/Oslo")
