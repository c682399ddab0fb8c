"""Wait for a condition that another thread or process brings about."""

import time
from collections.abc import Callable

_TIMEOUT = 60.0  # seconds
_PAUSE = 0.05


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Block until the condition holds; fail with `what` when it does not within 60 s."""
    give_up_at = time.monotonic() + _TIMEOUT
    while not condition():
        assert time.monotonic() < give_up_at, f"never happened: {what}"
        time.sleep(_PAUSE)
