"""Processes, temporary directories and ports of ours; nothing of them outlives this process."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from datadeling.errors import DatadelingError

_LOG_LINES = 80
_INHERITED = ("PATH", "HOME", "PYTHONPATH")

# Below the ports that kernels give to outgoing connections (32768 and up on Linux, 49152 on macOS).
# Otherwise a client that retries a stopped service may be given the service's own port to call from, which
# connects it to itself and keeps the service from coming back.
_ports = iter(random.SystemRandom().sample(range(20_000, 30_000), 10_000))


class ServiceFailed(DatadelingError):
    """A service did not start, or has ended. Nothing of it is left running; the text ends with its log."""


class Child(subprocess.Popen[bytes]):
    """A running process in a session of its own, out of reach of Ctrl-C, that does not outlive us.

    Its output goes to `log`. `sign` is the signal that stops it, also if we die first. Other arguments are
    those of `Popen`; raises `OSError` when the program cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        sign: signal.Signals = signal.SIGTERM,
        **options: Any,  # noqa: ANN401
    ) -> None:
        self.log = log
        self._sign = sign
        with log.open("ab") as output:
            super().__init__(
                args,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=True,
                **options,
            )
        try:
            self._guard = _when_we_die(
                'kill -s "$1" "$2"; sleep 1; kill -s KILL -- "-$2"', sign.name[3:], self.pid
            )
        except BaseException:
            self.kill()
            self.wait()
            raise

    def stop(self, seconds: float = 10.0, sign: signal.Signals | None = None) -> int:
        """Send its signal, after so many seconds SIGKILL to its group, and block until it is gone.

        Returns the exit status. Safe to call for a process that is gone.
        """
        try:
            if self.poll() is None:
                self.send_signal(sign or self._sign)
                self.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
        status = self.wait()
        _disarm(self._guard)
        return status

    def log_tail(self) -> str:
        """Return the last lines of its output."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_LOG_LINES:])


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Create a directory that any user may enter, but not list; removed after the block, or when we die.

    PostgreSQL runs as another user when we are root, and must reach its data.
    """
    with tempfile.TemporaryDirectory(prefix="datadeling-", ignore_cleanup_errors=True) as name:
        directory = Path(name).resolve()
        directory.chmod(0o711)
        # Later than the processes that write to it are gone.
        guard = _when_we_die('sleep 3; rm -rf -- "$1"', directory)
        try:
            yield directory
        finally:
            _disarm(guard)


def _when_we_die(script: str, *args: object) -> subprocess.Popen[bytes]:
    """Start a shell that runs the script when this process is gone, however it died.

    The shell's `read` ends when our end of the pipe is closed, and the kernel closes it. macOS has no signal
    for that, and on Linux PR_SET_PDEATHSIG follows the starting thread, not the process.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", f"read -r _; {script}", "guard", *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _disarm(guard: subprocess.Popen[bytes]) -> None:
    guard.kill()
    guard.communicate()


def await_true(
    condition: Callable[[], bool], *children: Child, deadline_s: float = 60.0, poll_s: float = 0.1
) -> None:
    """Block until the condition holds.

    Raises `ServiceFailed`, with the end of its log, when a process ends meanwhile, or when the condition did
    not hold for `deadline_s`.
    """
    deadline = time.monotonic() + deadline_s
    while not condition():
        for child in children:
            if child.poll() is not None:
                raise ServiceFailed(f"{child.log.stem} ended ({child.returncode}):\n{child.log_tail()}")
        if time.monotonic() > deadline:
            raise ServiceFailed(
                "\n".join(f"{c.log.stem} does not come up:\n{c.log_tail()}" for c in children)
            )
        time.sleep(poll_s)


def clean_environment() -> dict[str, str]:
    """Return the environment of a process of ours: in UTF-8 and UTC, without any settings."""
    utf8 = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, "LC_ALL": utf8, "TZ": "UTC"}


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, never the same twice in one process.

    Another process can take it before the caller listens: the number is drawn at random to make that rare.
    """
    return next(filter(_can_be_bound, _ports))


def _can_be_bound(port: int) -> bool:
    with socket.socket() as candidate, suppress(OSError):
        candidate.bind(("127.0.0.1", port))
        return True
    return False


def interruptible() -> None:
    """Let SIGTERM and SIGHUP unwind as Ctrl-C does from now on, so that everything cleans up after itself."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
