"""Both processes as one, for the image: whoever starts and stops a container knows of one process only.

Made for PID 1: signals are waited for, not handled, so none is missed and none strikes in the middle of
something; whatever is orphaned in the container is reaped.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence

import structlog

_GRACE = 20.0  # seconds between SIGTERM and SIGKILL; each process ends within 10 by itself
_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
_WAITED_FOR = _STOP | {signal.SIGCHLD}

log = structlog.get_logger(__name__)


def supervise(commands: Mapping[str, Sequence[str]], grace: float = _GRACE) -> int:
    """Run commands until one of them ends or we are told to stop; then end the others. Blocks.

    `commands` are lists of arguments to Python, by name. They are sent SIGTERM, and SIGKILL when they have
    not ended after `grace` seconds. 0 when we were told to stop and all ended well; 1 when one ended by
    itself, however it did, or badly. When it returns, none of them runs.

    Call it from the main thread, and end afterwards: the signals stay blocked, so that who tells us twice
    does not make a bad end of a good one.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if we had been started with it ignored, none would come
    running: dict[int, str] = {}
    try:
        for name, arguments in commands.items():
            running[_start(arguments)] = name
        told = _wait(running)
        return 0 if _end(running, grace) and told else 1
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)


def _start(arguments: Sequence[str]) -> int:
    """With no signal blocked and none ignored, whatever we do."""
    return os.posix_spawn(
        sys.executable, [sys.executable, *arguments], os.environ, setsigmask=(), setsigdef=_STOP
    )


def _wait(running: dict[int, str]) -> bool:
    """Until we are told to stop (True), or a process has ended by itself (False)."""
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
    """Whether all that still run end with 0 when they are told to."""
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
    """Take leave of every process that has ended; the exit codes of those that we had started.

    A signal that ended one counts as its negative number. One SIGCHLD may stand for several.
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
