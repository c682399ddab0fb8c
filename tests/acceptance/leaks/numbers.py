"""Numbers of persons who do not exist, each used once, so that one that turns up says where it comes from."""

import random
import re
from collections.abc import Iterator

from datadeling.demo.synthetic.draws import syntetisk_fnr

WORD = "hemmelig"
"""Stands beside the numbers: what would show a text has hidden only the number in it."""

_LONG = re.compile(r"\d{11,}", re.ASCII)
_DIGITS = 11


class Numbers:
    """Gives numbers out, and finds them again. Always the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._given: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._given)

    def new(self, what: str) -> str:
        """One that nobody has had; `what` says where it goes."""
        number = syntetisk_fnr(self._rng)
        return self.new(what) if number in self._given else self.know(number, what)

    def know(self, number: str, what: str) -> str:
        """One that came from elsewhere."""
        self._given[number] = what
        return number

    def in_text(self, text: str) -> dict[str, str]:
        """Those that stand in a text, also inside a longer number, with where each was put."""
        return {number: self._given[number] for number in _elevens(text) if number in self._given}


def _elevens(text: str) -> Iterator[str]:
    for run in _LONG.findall(text):
        for at in range(len(run) - _DIGITS + 1):
            yield run[at : at + _DIGITS]
