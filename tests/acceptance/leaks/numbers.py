"""Synthetic identity numbers, each used once, so that a leaked one shows where it comes from."""

import random
import re
from collections.abc import Iterator

from datadeling.demo.avtale import syntetisk_fnr

WORD = "hemmelig"
"""A word beside the numbers: it leaks when a text is shown with only the number masked."""

_LONG = re.compile(r"\d{11,}", re.ASCII)
_DIGITS = 11


class Numbers:
    """Creates numbers, the same for a seed, and finds them in texts."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._used: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._used)

    def new(self, what: str) -> str:
        """Return a number that has not been used; `what` describes its place."""
        number = syntetisk_fnr(self._rng)
        return self.new(what) if number in self._used else self.add(number, what)

    def add(self, number: str, what: str) -> str:
        """Add a number from elsewhere."""
        self._used[number] = what
        return number

    def in_text(self, text: str) -> dict[str, str]:
        """Return the numbers in a text, also inside a longer number, each with its place."""
        return {number: self._used[number] for number in _elevens(text) if number in self._used}


def _elevens(text: str) -> Iterator[str]:
    for run in _LONG.findall(text):
        for at in range(len(run) - _DIGITS + 1):
            yield run[at : at + _DIGITS]
