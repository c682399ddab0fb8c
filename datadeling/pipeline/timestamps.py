"""Parse the times and dates of a message. Pure.

The producer sends 0 to 9 fraction digits and may leave out zero seconds. PostgreSQL stores six digits: the
rest is cut, not rounded, so that a time never moves past its neighbour.

Every function raises `ValueError` or `OverflowError` when the text is not a time or date that can be stored.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from datadeling.domain.month import OSLO

_LOCAL = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
_is_local = re.compile(_LOCAL, re.ASCII).fullmatch
_is_instant = re.compile(_LOCAL + "Z", re.ASCII).fullmatch
_is_date = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_MICROSECONDS = len("2022-02-04T08:46:39.573884")

# A day inside the range that Python, PostgreSQL and BigQuery all support, in UTC and in Oslo.
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


def instant(text: str) -> datetime:
    """Return the point in time, in UTC, of a text that ends with `Z`."""
    if not _is_instant(text):
        raise ValueError
    return _in_range(datetime.fromisoformat(text[:-1][:_MICROSECONDS] + "Z"))


def oslo_time(text: str) -> datetime:
    """Return the point in time, in UTC, of a text without a zone: the time in Europe/Oslo.

    In the hour that October repeats, the first of the two is meant. A time in the hour that March skips is
    moved forward by an hour.
    """
    if not _is_local(text):
        raise ValueError
    local = datetime.fromisoformat(text[:_MICROSECONDS] + "Z")  # the digits; the zone comes next
    return _in_range(local - (OSLO.utcoffset(local) or timedelta()))


@lru_cache(maxsize=16_384)  # all the days of 40 years
def day(text: str) -> date:
    """Return the date of a text `yyyy-MM-dd`."""
    if not _is_date(text):
        raise ValueError
    return date.fromisoformat(text)


def _in_range(time: datetime) -> datetime:
    if not _EARLIEST <= time <= _LATEST:
        raise ValueError
    return time
