"""Calendar months in Oslo: the partitions of the log of lookups, and the periods of reports."""

import re
from datetime import datetime
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
_TEXT = re.compile(r"((?:19|20)\d\d)-(0[1-9]|1[0-2])", re.ASCII)


class Month(NamedTuple):
    """A month of a year; months sort by time."""

    year: int
    month: int

    @classmethod
    def of(cls, time: datetime) -> Self:
        """Return the month in Oslo at an aware time."""
        local = time.astimezone(OSLO)
        return cls(local.year, local.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `2026-11`. Raise `ValueError`, which does not quote the text."""
        match = _TEXT.fullmatch(text)
        if not match:
            raise ValueError("not a month")
        return cls(int(match[1]), int(match[2]))

    def later(self, months: int) -> "Month":
        """Return the month that comes so many months after this one."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    @property
    def begins(self) -> datetime:
        """Return the first moment of the month."""
        return datetime(self.year, self.month, 1, tzinfo=OSLO)

    @property
    def ends(self) -> datetime:
        """Return the first moment of the next month."""
        return self.later(1).begins

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"
