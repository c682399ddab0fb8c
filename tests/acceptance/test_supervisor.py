"""The supervisor ends processes that misbehave, and leaves none behind."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until

_IGNORES_SIGTERM = """
import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
pathlib.Path("ready").touch()
signal.sigwait({signal.SIGALRM})
"""
_TAKES_ITS_TIME = """
import pathlib, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
pathlib.Path("ready").touch()
signal.sigwait({signal.SIGTERM})
pathlib.Path("signalled").touch()
while not pathlib.Path("allowed").exists(): time.sleep(0.01)
"""
_ENDS_WHEN_THE_OTHER_IS_READY = """
import pathlib, time
while not pathlib.Path("ready").exists(): time.sleep(0.01)
"""

Supervise = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Return a function that supervises programs in a process of its own; one that is left fails the test."""
    with ExitStack() as stack:

        def start(*, grace: float = 60.0, first: str = "pass", **programs: str) -> subprocess.Popen[str]:
            commands = {name: ["-c", program, str(tmp_path)] for name, program in programs.items()}
            code = (
                f"{first}\nfrom datadeling.supervisor import supervise\nexit(supervise({commands}, {grace}))"
            )
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=tmp_path,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start
        left = [
            p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [""])[-1] == str(tmp_path)
        ]
        for process in left:
            process.kill()
        assert not left


def test_a_process_that_ignores_sigterm_is_killed(supervise: Supervise) -> None:
    process = supervise(grace=0.2, deaf=_IGNORES_SIGTERM, done=_ENDS_WHEN_THE_OTHER_IS_READY)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert re.search(r"process_ended.*done", output), output
    assert re.search(r"process_killed.*deaf", output), output


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_is_ignored(supervise: Supervise, tmp_path: Path, again: signal.Signals) -> None:
    process = supervise(slow=_TAKES_ITS_TIME)
    wait_until((tmp_path / "ready").exists, "it runs")
    process.send_signal(signal.SIGTERM)
    wait_until((tmp_path / "signalled").exists, "it has the signal")
    process.send_signal(again)
    (tmp_path / "allowed").touch()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "Traceback" not in output


def test_the_end_of_a_process_is_noticed_although_the_parent_ignores_sigchld(supervise: Supervise) -> None:
    # Ignored signals are inherited, and with SIGCHLD ignored the kernel reports no end.
    process = supervise(
        first="import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        grace=0.2,
        deaf=_IGNORES_SIGTERM,
        done=_ENDS_WHEN_THE_OTHER_IS_READY,
    )
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output


def test_no_process_is_left_when_another_cannot_start(supervise: Supervise) -> None:
    fail_at_the_second = """
import os
spawn, count = os.posix_spawn, iter(range(9))
def limited(*a, **k):
    if next(count): raise BlockingIOError
    return spawn(*a, **k)
os.posix_spawn = limited"""
    process = supervise(first=fail_at_the_second, deaf=_IGNORES_SIGTERM, never=_TAKES_ITS_TIME)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "BlockingIOError" in output
