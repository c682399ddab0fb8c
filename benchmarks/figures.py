"""Measurements over several runs: medians, spreads, and shares of a limit.

A figure stands beside its limit from the same run: absolute figures drift with the machine, ratios hardly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

_WHOLE = 100  # from here on without decimals


class Figure(NamedTuple):
    """One measurement of one run.

    `of` is the name of the figure of the same part and run that is its limit, in the same unit; empty for
    none. `goal` is text for the table.
    """

    name: str
    value: float
    unit: str
    of: str = ""
    goal: str = ""


class Spread(NamedTuple):
    """The median of some runs, and the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def over(cls, values: Iterable[float]) -> "Spread":
        """Return the spread of one value or more."""
        kept = list(values)
        return cls(median(kept), min(kept), max(kept))

    @property
    def text(self) -> str:
        """The median, and the spread if there is one, for a table."""
        if self.least == self.most:
            return number(self.median)
        return f"{number(self.median)} ({number(self.least)}–{number(self.most)})"


@dataclass(slots=True)
class Row:
    """One figure over all runs. `shares` are of its limit, each of its own run."""

    name: str
    unit: str
    of: str
    goal: str
    values: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    @property
    def value(self) -> Spread:
        """The spread of the measurements."""
        return Spread.over(self.values)

    @property
    def share(self) -> Spread | None:
        """The spread of the shares; None without a limit."""
        return Spread.over(self.shares) if self.shares else None

    @property
    def json(self) -> dict[str, Any]:
        """Every value of every run."""
        row: dict[str, Any] = {"name": self.name, "unit": self.unit, "values": self.values}
        row |= self.value._asdict()
        if self.share is not None:
            row |= {"of": self.of, "shares": self.shares, "share": self.share._asdict()}
        return row | ({"goal": self.goal} if self.goal else {})


class Rows:
    """The rows of one part, in the order in which their figures came first."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def add(self, figures: Iterable[Figure]) -> None:
        """Add the figures of one run. Raise `KeyError` when a limit is not among them."""
        run = {figure.name: figure for figure in figures}
        for figure in run.values():
            row = self._rows.setdefault(figure.name, Row(figure.name, figure.unit, figure.of, figure.goal))
            row.values.append(figure.value)
            if figure.of:
                row.shares.append(figure.value / run[figure.of].value)


def number(value: float) -> str:
    """Format a number with three significant digits, or as a whole number."""
    if abs(value) >= _WHOLE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004 (three digits)
