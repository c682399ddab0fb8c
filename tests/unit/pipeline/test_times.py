"""Times as the producer writes them."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.month import OSLO
from datadeling.pipeline.transform import day, instant, oslo_time

REFUSED = (ValueError, OverflowError)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        pytest.param("2022-02-04T08:46:39.573884Z", utc(2022, 2, 4, 8, 46, 39, 573884), id="six digits"),
        pytest.param(
            "2022-02-04T08:46:39.573884999Z", utc(2022, 2, 4, 8, 46, 39, 573884), id="cut, not rounded"
        ),
        pytest.param("2022-02-04T08:46:39.5Z", utc(2022, 2, 4, 8, 46, 39, 500000), id="one digit"),
        pytest.param("2022-02-04T08:46:39Z", utc(2022, 2, 4, 8, 46, 39), id="no fraction"),
        pytest.param("2022-02-04T08:46Z", utc(2022, 2, 4, 8, 46), id="no seconds"),
    ],
)
def test_instant(text: str, time: datetime) -> None:
    assert instant(text) == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        pytest.param("2022-01-18T08:43", utc(2022, 1, 18, 7, 43), id="winter, no seconds"),
        pytest.param("2022-07-18T08:43:01.1234567", utc(2022, 7, 18, 6, 43, 1, 123456), id="summer"),
        pytest.param("2022-10-30T02:30:00", utc(2022, 10, 30, 0, 30), id="the first of two in October"),
        pytest.param("2022-10-30T03:00:00", utc(2022, 10, 30, 2, 0), id="after the repeated hour"),
        pytest.param("2022-03-27T02:30:00", utc(2022, 3, 27, 1, 30), id="moved forward in March"),
        pytest.param("2022-03-27T03:30:00", utc(2022, 3, 27, 1, 30), id="after the skipped hour"),
    ],
)
def test_oslo_time(text: str, time: datetime) -> None:
    assert oslo_time(text) == time


@pytest.mark.parametrize(
    "text",
    [
        "", "2022-02-30T08:46:39Z", "2022-02-04T24:00:00Z", "2022-02-04T08:46:60Z", "2022-02-04 08:46:39Z",
        "2022-02-04T08:46:39", "2022-02-04T08:46:39+01:00", "2022-02-04T08:46:39.Z", "20220204T084639Z",
        "2022-02-04T08:46.5Z", "2022-02-04T08:46:39.1234567890Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "+10000-01-01T00:00:00Z",
        "٢٠٢٢-02-04T08:46:39Z", "2022-02-04T08:46:39Z\n", "2022-02-04T08:46:39.123456xZ",
        "2022-02-04T08:46:39.1234567xZ", "2022-02-04T08:46:39.123+02", "2022-W05-5T08:46:39.123Z",
    ],
)  # fmt: skip
def test_an_invalid_instant_is_refused(text: str) -> None:
    with pytest.raises(REFUSED):
        instant(text)


@pytest.mark.parametrize(
    "text", ["2022-01-18T08:43Z", "2022-13-18T08:43", "0001-01-01T00:00", "9999-12-31T23:59"]
)
def test_an_invalid_local_time_is_refused(text: str) -> None:
    with pytest.raises(REFUSED):
        oslo_time(text)


@pytest.mark.parametrize(
    "text", ["", "2022-02-30", "2022-2-3", "2022-02-04T00:00", "20220204", "10000-01-01"]
)
def test_an_invalid_date_is_refused(text: str) -> None:
    with pytest.raises(REFUSED):
        day(text)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(OSLO)))
def test_every_time_in_oslo_comes_back(time: datetime) -> None:
    shown = time.replace(tzinfo=None).isoformat()
    back = oslo_time(shown)
    # One of the two readings of a repeated hour, and an hour on for one that does not exist.
    assert back in {time.replace(fold=f).astimezone(UTC) for f in (0, 1)}
    assert back == time.replace(fold=0).astimezone(UTC)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.text("0123456789", min_size=7, max_size=9)
)
def test_fractions_are_cut(time: datetime, digits: str) -> None:
    text = f"{time.replace(microsecond=0).isoformat()}.{digits}Z"
    back = instant(text)
    exact = time.replace(microsecond=0, tzinfo=UTC)
    assert back - exact == timedelta(microseconds=int(digits[:6]))


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    for reader in (instant, oslo_time, day):
        with suppress(*REFUSED):
            reader(text)


_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?Z",
    re.ASCII,
)


def plainly(text: str) -> datetime | None:
    """Return the instant of a text, parsed number by number; None when it is not one."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    *parts, fraction = (group or "0" for group in found.groups())
    try:
        time = datetime(*map(int, parts), int(fraction.ljust(6, "0")[:6]), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    return time if datetime(1, 1, 2, tzinfo=UTC) <= time <= datetime(9999, 12, 30, tzinfo=UTC) else None


@given(
    st.datetimes(),
    st.text("0123456789", max_size=10),
    st.lists(
        st.tuples(st.integers(0, 30) | st.integers(19, 30), st.text("0123456789-:.TZW+ ٣x", max_size=2)),
        max_size=2,
    ),
)
def test_a_text_that_is_nearly_a_time_is_read_as_it_stands(
    time: datetime, digits: str, changes: list[tuple[int, str]]
) -> None:
    text = f"{time:%Y-%m-%dT%H:%M:%S}.{digits}Z"
    for at, instead in changes:
        text = text[:at] + instead + text[at + 1 :]
    expected = plainly(text)
    try:
        found = instant(text)
    except REFUSED:
        assert expected is None
    else:
        assert found == expected
    try:
        local = oslo_time(text.removesuffix("Z"))
    except REFUSED:
        return
    expected = plainly(text.removesuffix("Z") + "Z")
    assert expected is not None
    assert abs(expected - local) <= timedelta(hours=2)
