"""How often a consumer may call: pure arithmetic, which knows neither clock nor requests.

A consumer has one number: the time at which it will have nothing to wait for any more. Each call that is
let through moves it on by one interval; a call that would move it more than a second ahead is refused. So a
second's worth of calls may come at once, and never more than rate × time beside.
"""

from typing import NamedTuple

BURST = 1.0  # seconds' worth of calls that may come at once


class Verdict(NamedTuple):
    """Whether a call is let through: `free_at` to keep, or how many seconds to wait before the next try."""

    free_at: float
    wait: float = 0.0


def judge(free_at: float, now: float, calls_per_second: float) -> Verdict:
    """Judge a call at `now`, in seconds by a clock that never goes back, of who is free at `free_at`."""
    interval = 1.0 / calls_per_second
    moved = max(free_at, now) + interval
    ahead = moved - now - max(BURST, interval)
    # A billionth of a second is within what floating point loses.
    return Verdict(moved) if ahead <= 1e-9 else Verdict(free_at, ahead)  # noqa: PLR2004 (says it above)
