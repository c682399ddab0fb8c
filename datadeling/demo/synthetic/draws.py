"""Random values as the producer writes them, the same for a seed in every version of Python. Pure."""

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

from datadeling.domain.month import OSLO

T = TypeVar("T")

# Most clocks give six digits, some nine or three; any number of them is legal.
_DIGITS = (6,) * 40 + (9,) * 10 + (3,) * 6 + (0, 1, 2, 4, 5, 7, 8)
_WITHOUT_SECONDS = 0.03

_WEIGHTS_1 = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_WEIGHTS_2 = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_EARLIEST = date(1955, 1, 1)
_BORN_WITHIN = 52 * 365
_CENTURY = 2000


def pick(rng: random.Random, among: Sequence[T]) -> T:
    """Return one of these, each as likely as the next."""
    return among[int(rng.random() * len(among))]


def between(rng: random.Random, first: int, last: int) -> int:
    """Return a whole number from `first` to `last`, both included."""
    return first + int(rng.random() * (last - first + 1))


def chance(rng: random.Random, share: float) -> bool:
    """Return True for that share of the calls."""
    return rng.random() < share


def digits(rng: random.Random, count: int) -> str:
    """Return so many random digits."""
    return f"{int(rng.random() * 10**count):0{count}}"


def ny_id(rng: random.Random) -> str:
    """Return a random UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def navident(rng: random.Random) -> str:
    """Return a NAV identity of the kind that tests use, a Z and six digits."""
    return f"Z{digits(rng, 6)}"


def instant(rng: random.Random, time: datetime) -> str:
    """Return a point in time, given in UTC without a zone, with `Z` and random fraction digits."""
    return f"{time.isoformat(timespec='seconds')}{_fraction(rng)}Z"


def oslo_time(rng: random.Random, time: datetime) -> str:
    """Return the local time in Oslo of a time in UTC, without a zone; now and then without seconds."""
    local = time.replace(tzinfo=UTC).astimezone(OSLO).replace(tzinfo=None)
    if chance(rng, _WITHOUT_SECONDS):
        return local.isoformat(timespec="minutes")
    return f"{local.isoformat(timespec='seconds')}{_fraction(rng)}"


def _fraction(rng: random.Random) -> str:
    count = pick(rng, _DIGITS)
    return f".{digits(rng, count)}" if count else ""


def syntetisk_fnr(rng: random.Random) -> str:
    """Return eleven digits as Tenor makes them: 80 added to the month, so that they belong to nobody.

    Both check digits are right. The person is born between 1955 and 2006. Numbers may repeat, about once in
    nine million.
    """
    while True:
        born = _EARLIEST + timedelta(days=int(rng.random() * _BORN_WITHIN))
        # Individnummer 000-499 belongs to those born in the 1900s, 500-999 to those born since.
        individ = int(rng.random() * 500) + (500 if born.year >= _CENTURY else 0)
        stem = f"{born.day:02}{born.month + 80:02}{born.year % 100:02}{individ:03}"
        check = _check_digits(stem)
        if check is not None:
            return stem + check


def _check_digits(stem: str) -> str | None:
    """Return both check digits of the first nine, or None where a check digit would be 10."""
    values = [int(c) for c in stem]
    for weights in (_WEIGHTS_1, _WEIGHTS_2):
        digit = -sum(w * d for w, d in zip(weights, values, strict=True)) % 11
        if digit == 10:  # noqa: PLR2004 - not a digit
            return None
        values.append(digit)
    return f"{values[-2]}{values[-1]}"
