"""Synthetic identity numbers: valid in every way but the month, so that they can belong to nobody."""

import random
from datetime import date, timedelta

_TENOR = 80
_DOLLY = 40
_D_NUMBER = 40
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEIGHTS_1 = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_WEIGHTS_2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_LENGTH = 11

_EARLIEST = date(1955, 1, 1)
_BORN_WITHIN = 52 * 365
_CENTURY = 2000


def syntetisk_fnr(rng: random.Random) -> str:
    """Eleven digits as Tenor makes them: 80 added to the month, both check digits right.

    The person is born between 1955 and 2006. Numbers may repeat, about once in nine million.
    """
    while True:
        born = _EARLIEST + timedelta(days=int(rng.random() * _BORN_WITHIN))
        # Individnummer 000-499 belongs to those born in the 1900s, 500-999 to those born since.
        individ = int(rng.random() * 500) + (500 if born.year >= _CENTURY else 0)
        stem = f"{born.day:02}{born.month + _TENOR:02}{born.year % 100:02}{individ:03}"
        check = _check_digits(stem)
        if check is not None:
            return stem + check


def er_syntetisk(fnr: str) -> bool:
    """Whether this is a synthetic number: 80 or 40 added to the month, and otherwise well formed."""
    if len(fnr) != _LENGTH or not (fnr.isascii() and fnr.isdigit()):
        return False
    day, month = int(fnr[:2]), int(fnr[2:4])
    day -= _D_NUMBER if day > _D_NUMBER else 0
    month -= _TENOR if month > _TENOR else _DOLLY
    if not (1 <= month <= len(_DAYS) and 1 <= day <= _DAYS[month - 1]):
        return False
    return _check_digits(fnr[:9]) == fnr[9:]


def _check_digits(stem: str) -> str | None:
    """Both check digits of the nine first, or None where there are none and the number is not given out."""
    digits = [int(c) for c in stem]
    for weights in (_WEIGHTS_1, _WEIGHTS_2):
        digit = -sum(w * d for w, d in zip(weights, digits, strict=True)) % 11
        if digit == 10:  # noqa: PLR2004 - not a digit
            return None
        digits.append(digit)
    return f"{digits[-2]}{digits[-1]}"
