"""What was measured, run by run, and what it comes to: medians, spreads, and shares of a limit.

A figure stands beside its limit from the same run: absolute ones drift with the machine, their ratio hardly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

_WHOLE = 100  # from here on without decimals


class Figure(NamedTuple):
    """One measurement of one run.

    `of` names the figure of the same part and run that is its limit, in the same unit; none when empty.
    `goal` is told as it stands.
    """

    name: str
    value: float
    unit: str
    of: str = ""
    goal: str = ""


class Spread(NamedTuple):
    """The middle of some runs, and how far apart they were."""

    median: float
    least: float
    most: float

    @classmethod
    def over(cls, values: Iterable[float]) -> "Spread":
        """Of one value at least."""
        kept = list(values)
        return cls(median(kept), min(kept), max(kept))

    @property
    def text(self) -> str:
        """As tables have it: the median, and the spread where there is one."""
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
        """What was measured."""
        return Spread.over(self.values)

    @property
    def share(self) -> Spread | None:
        """How much of the limit that is; None without a limit."""
        return Spread.over(self.shares) if self.shares else None

    @property
    def json(self) -> dict[str, Any]:
        """All of it."""
        told: dict[str, Any] = {"name": self.name, "unit": self.unit, "values": self.values}
        told |= self.value._asdict()
        if self.share is not None:
            told |= {"of": self.of, "shares": self.shares, "share": self.share._asdict()}
        return told | ({"goal": self.goal} if self.goal else {})


class Rows:
    """The rows of one part, in the order in which their figures came first."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def add(self, figures: Iterable[Figure]) -> None:
        """Take in the figures of one run. Raise `KeyError` when one names a limit that is not among them."""
        run = {figure.name: figure for figure in figures}
        for figure in run.values():
            row = self._rows.setdefault(figure.name, Row(figure.name, figure.unit, figure.of, figure.goal))
            row.values.append(figure.value)
            if figure.of:
                row.shares.append(figure.value / run[figure.of].value)


def number(value: float) -> str:
    """As many digits as mean something."""
    if abs(value) >= _WHOLE or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004 (three digits)
