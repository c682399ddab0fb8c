"""A process that is gone at the latest when we are, and the free ports that it listens on."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from types import FrameType
from typing import Any, NamedTuple

from datadeling.errors import DatadelingError

_LOG_LINES = 80
_UTF8 = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

# The shell's `read` ends when our end of the pipe is closed, and the kernel closes it however we die.
# macOS has no signal for that, and on Linux PR_SET_PDEATHSIG follows the starting thread, not the process.
_GUARD = """
read -r _
if [ -n "$2" ]; then
    kill -s "$1" "$2"
    i=0; while [ $i -lt 50 ] && kill -0 "$2"; do sleep 0.1; i=$((i + 1)); done
    kill -s KILL -- "$2" "-$2"
fi
[ -n "$3" ] || exit
# A process that is about to die may create the directory again: wait until it has been away for a second.
gone=0; i=0
while [ $gone -lt 10 ] && [ $i -lt 100 ]; do
    if [ -e "$3" ]; then rm -rf -- "$3"; gone=0; else gone=$((gone + 1)); fi
    sleep 0.1; i=$((i + 1))
done
"""

# Below the ports that kernels give to outgoing connections (32768 and up on Linux, 49152 on macOS).
# Otherwise a client that retries a stopped service may be given the service's own port to call from, which
# connects it to itself and keeps the service from coming back.
_PORTS = range(20_000, 30_000)
_ATTEMPTS = 200

_random = random.SystemRandom()
_used_ports: set[int] = set()
_lock = Lock()


class ServiceFailed(DatadelingError):
    """A service did not start, or has ended. Nothing of it is left running; the text ends with its log."""


class User(NamedTuple):
    """The user that a process runs as."""

    uid: int
    gid: int


def as_user(user: User | None) -> dict[str, Any]:
    """Return the arguments of `subprocess` that run a program as a user in none of our groups.

    Without a user, it runs as ourselves.
    """
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


class Guard:
    """A small process that waits for our end and then cleans up a process, a directory or both.

    It works for every way to die, SIGKILL included. The process gets `sign`, and SIGKILL 5 s later. Call
    `disarm` after cleaning up in good order; until then the guard runs.
    """

    def __init__(
        self,
        *,
        pid: int | None = None,
        sign: signal.Signals = signal.SIGKILL,
        directory: Path | None = None,
    ) -> None:
        target = ["" if pid is None else str(pid), "" if directory is None else str(directory)]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", sign.name.removeprefix("SIG"), *target],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def disarm(self) -> None:
        """End the guard without cleaning up; safe to call again."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


class Child:
    """A running process in a session of its own, out of reach of Ctrl-C, that does not outlive us.

    Its output goes to `log`. `sign` is the signal that ends it if we die first. Raises `OSError` when the
    program cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        user: User | None = None,
        sign: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                args,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=True,
                **as_user(user),
            )
        try:
            self._guard = Guard(pid=self._popen.pid, sign=sign)
        except BaseException:
            self._popen.kill()
            self._popen.wait()
            raise

    @property
    def pid(self) -> int:
        """The process id; the process leads a session and a group of the same number."""
        return self._popen.pid

    def poll(self) -> int | None:
        """Return the exit status, as in `Popen.returncode`, or None while it runs. Does not block."""
        code = self._popen.poll()
        if code is not None:
            # From here on another process can get the number.
            self._guard.disarm()
        return code

    def wait(self) -> int:
        """Block until it ends by itself; return the exit status."""
        code = self._popen.wait()
        self._guard.disarm()
        return code

    def stop(self, *steps: tuple[signal.Signals, float]) -> int:
        """Send each signal in turn, wait so many seconds for its effect, and block until the process is gone.

        After the last one comes SIGKILL, to its whole group. Returns the exit status. Safe to call for a
        process that is gone.
        """
        for sign, seconds in steps:
            if self.poll() is None:
                self._popen.send_signal(sign)
                with suppress(subprocess.TimeoutExpired):
                    self._popen.wait(seconds)
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._popen.wait()
        self._guard.disarm()
        return self._popen.returncode

    def log_tail(self) -> str:
        """Return the last lines of its output."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_LOG_LINES:])


def run(
    args: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    user: User | None = None,
) -> None:
    """Run a program to its end; blocks. It is gone when this returns, also by an exception.

    Raises `ServiceFailed`, with the end of the log, when the program fails, and `OSError` when it cannot be
    started.
    """
    child = Child(args, log=log, cwd=cwd, env=env, user=user, sign=signal.SIGKILL)
    try:
        code = child.wait()
    finally:
        child.stop()
    if code:
        raise ServiceFailed(f"{Path(args[0]).name} ended ({code}):\n{child.log_tail()}")


def clean_environment(*prefixes: str) -> dict[str, str]:
    """Return our environment in UTF-8 and UTC, without the variables that begin with one of `prefixes`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return kept | {"LC_ALL": _UTF8, "TZ": "UTC"}


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, never the same twice in one process.

    Another process can take it before the caller listens: the number is drawn at random to make that rare.
    Raises `OSError` when no free port is found. Does not block.
    """
    with _lock:
        for _ in range(_ATTEMPTS):
            port = _random.choice(_PORTS)
            if port not in _used_ports and _can_be_bound(port):
                _used_ports.add(port)
                return port
    raise OSError(f"no free port between {_PORTS.start} and {_PORTS.stop - 1}")


def _can_be_bound(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the block as Ctrl-C does, so that everything cleans up after itself."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {s: signal.signal(s, interrupt) for s in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
