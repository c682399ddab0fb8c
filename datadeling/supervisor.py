"""Run both processes as one, for the image.

Written for PID 1: it blocks the signals and waits for them, so that none is lost, and reaps orphaned
processes.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

_GRACE = 20.0  # seconds from SIGTERM to SIGKILL; each process ends within 10 by itself
_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
_WAITED_FOR = _STOP | {signal.SIGCHLD}

log = structlog.get_logger(__name__)


def supervise(commands: Mapping[str, Sequence[str]], grace: float = _GRACE) -> int:
    """Run commands, lists of arguments to Python by name, until one of them ends or a signal comes. Blocks.

    Then the others get SIGTERM, and SIGKILL if they have not ended after `grace` seconds. Return 0 when a
    signal came and all ended with 0; else 1. None of them runs when it returns.

    Call it from the main thread and exit afterwards: the signals stay blocked, so that a second one
    does not make a clean end fail.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # no signal would come if we were started with it ignored
    running: dict[int, str] = {}
    try:
        for name, arguments in commands.items():
            command = [sys.executable, *arguments]
            pid = os.posix_spawn(command[0], command, os.environ, setsigmask=(), setsigdef=_STOP)
            running[pid] = name
        ended: dict[str, int] = {}
        while not ended and signal.sigwait(_WAITED_FOR) == signal.SIGCHLD:
            ended = _reap(running)
        for name, code in ended.items():
            log.error("process_ended", process=name, code=code)
        log.info("stopping")
        good = not ended
        for pid in running:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while running and signal.sigtimedwait({signal.SIGCHLD}, max(0, deadline - time.monotonic())):
            good &= not any(_reap(running).values())
        return 0 if good and not running else 1
    finally:
        for pid, name in running.items():
            log.error("process_killed", process=name)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _reap(running: dict[int, str]) -> dict[str, int]:
    """Reap every process that has ended; return the exit codes of those that we had started.

    A process ended by a signal has its negative number. One SIGCHLD may stand for several.
    """
    ended: dict[str, int] = {}
    with suppress(ChildProcessError):  # none is left
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if name := running.pop(found[0], None):
                ended[name] = os.waitstatus_to_exitcode(found[1])
    return ended
