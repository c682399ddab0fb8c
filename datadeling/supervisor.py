"""Run both processes as one, for the image.

Written for PID 1: it blocks the signals and waits for them, so that none is lost, and reaps orphaned
processes.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

import structlog

_GRACE = 20.0  # seconds from SIGTERM to SIGKILL; each process ends within 10 by itself
_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
_WAITED_FOR = _STOP | {signal.SIGCHLD}

log = structlog.get_logger(__name__)


def supervise(commands: Mapping[str, Sequence[str]], grace: float = _GRACE) -> int:
    """Run commands until one of them ends or a signal comes; then end the others. Blocks.

    `commands` are lists of arguments to Python, by name. They get SIGTERM, and SIGKILL if they
    have not ended after `grace` seconds. Return 0 when a signal came and all ended with 0; 1 when one ended
    by itself or with an error. None of them runs when it returns.

    Call it from the main thread and exit afterwards: the signals stay blocked, so that a second one
    does not make a clean end fail.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # no signal would come if we were started with it ignored
    running: dict[int, str] = {}
    try:
        for name, arguments in commands.items():
            running[_start(arguments)] = name
        stopped = _wait(running)
        return 0 if _end(running, grace) and stopped else 1
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)


def _start(arguments: Sequence[str]) -> int:
    """Start a process with no signal blocked and none ignored."""
    return os.posix_spawn(
        sys.executable, [sys.executable, *arguments], os.environ, setsigmask=(), setsigdef=_STOP
    )


def _wait(running: dict[int, str]) -> bool:
    """Block until a signal to stop arrives (True) or a process ends by itself (False)."""
    while True:
        number = signal.sigwait(_WAITED_FOR)
        if number in _STOP:
            log.info("stopping", signal=signal.Signals(number).name)
            return True
        ended = _reap(running)
        if ended:
            for name, code in ended.items():
                log.error("process_ended", process=name, code=code)
            return False


def _end(running: dict[int, str], grace: float) -> bool:
    """End the running processes; return True when all of them exit with 0."""
    for pid in running:
        os.kill(pid, signal.SIGTERM)
    codes: list[int] = []
    deadline = time.monotonic() + grace
    while running:
        left = deadline - time.monotonic()
        if left <= 0:
            for pid, name in running.items():
                log.error("process_killed", process=name)
                os.kill(pid, signal.SIGKILL)
            deadline += grace
        elif signal.sigtimedwait({signal.SIGCHLD}, left):
            codes += _reap(running).values()
    return not any(codes)


def _reap(running: dict[int, str]) -> dict[str, int]:
    """Reap every process that has ended; return the exit codes of those that we had started.

    A process ended by a signal has its negative number. One SIGCHLD may stand for several.
    """
    ended: dict[str, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        if pid in running:
            ended[running.pop(pid)] = os.waitstatus_to_exitcode(status)
