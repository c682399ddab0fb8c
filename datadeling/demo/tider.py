"""Times as the producer writes them: 0 to 9 fraction digits, and local times without a zone."""

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_OSLO = ZoneInfo("Europe/Oslo")
# Most clocks give six digits, some nine or three; any number of them is legal.
_DIGITS = (6,) * 40 + (9,) * 10 + (3,) * 6 + (0, 1, 2, 4, 5, 7, 8)
_WITHOUT_SECONDS = 0.03


def instant(rng: random.Random, time: datetime) -> str:
    """A point in time, given in UTC without a zone, with `Z`; what is below the second is drawn."""
    return f"{time.isoformat(timespec='seconds')}{_fraction(rng)}Z"


def oslo_time(rng: random.Random, time: datetime) -> str:
    """The same as the clock in Oslo shows it, without a zone; now and then without seconds, too."""
    local = time.replace(tzinfo=UTC).astimezone(_OSLO).replace(tzinfo=None)
    if rng.random() < _WITHOUT_SECONDS:
        return local.isoformat(timespec="minutes")
    return f"{local.isoformat(timespec='seconds')}{_fraction(rng)}"


def _fraction(rng: random.Random) -> str:
    digits = _DIGITS[int(rng.random() * len(_DIGITS))]
    return f".{int(rng.random() * 10**digits):0{digits}}" if digits else ""


def microseconds(text: str) -> int:
    """The microsecond, since 1970, that an instant with `Z` falls in: what is finer is cut off, not rounded.

    Raises `ValueError` when the text is no such instant.
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
