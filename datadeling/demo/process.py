"""A process of ours: in a session of its own, its output in a file, gone at the latest when we are."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from datadeling.demo.errors import ServiceFailed

_LOG_LINES = 80
_UTF8 = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

# Reading comes to an end when our end of the pipe is closed, and the kernel closes it however we die: of this
# there is no word on macOS, and on Linux PR_SET_PDEATHSIG would follow the starting thread, not the process.
_GUARD = """
read -r _
if [ -n "$2" ]; then
    kill -s "$1" "$2"
    i=0; while [ $i -lt 50 ] && kill -0 "$2"; do sleep 0.1; i=$((i + 1)); done
    kill -s KILL -- "$2" "-$2"
fi
[ -n "$3" ] || exit
# Whoever is about to die may still put the directory back: it must have been away for a second.
gone=0; i=0
while [ $gone -lt 10 ] && [ $i -lt 100 ]; do
    if [ -e "$3" ]; then rm -rf -- "$3"; gone=0; else gone=$((gone + 1)); fi
    sleep 0.1; i=$((i + 1))
done
"""


class Bruker(NamedTuple):
    """Whom a process runs as."""

    uid: int
    gid: int


def as_user(user: Bruker | None) -> dict[str, Any]:
    """What `subprocess` needs to run a program as that user, in none of our groups; None: as ourselves."""
    if user is None:
        return {}
    return {"user": user.uid, "group": user.gid, "extra_groups": []}


class Guard:
    """A small process that waits for our end and then cleans up what we left: a process, a directory or both.

    Works for every way to die, SIGKILL included. The process gets `sign`, and SIGKILL 5 s later. Call
    `disarm` once the cleaning has been done by ourselves; until then the guard runs.
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
        """End the guard. It does nothing more; calling again is safe."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()


class Child:
    """A running process that Ctrl-C in the terminal does not reach and that does not outlive us.

    `sign` is what ends it if we die first. Raises `OSError` when the program cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        user: Bruker | None = None,
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
        """Its process id; the process leads a session and a group of the same number."""
        return self._popen.pid

    def poll(self) -> int | None:
        """How it ended, as in `Popen.returncode`, or None while it runs. Does not block."""
        code = self._popen.poll()
        if code is not None:
            # From here on the number can belong to somebody else.
            self._guard.disarm()
        return code

    def wait(self) -> int:
        """Block until it ends by itself; returns how."""
        code = self._popen.wait()
        self._guard.disarm()
        return code

    def stop(self, *steps: tuple[signal.Signals, float]) -> int:
        """Send each signal in turn, giving it so many seconds to work; blocks until the process is gone.

        After the last one comes SIGKILL, to what it started, too. Returns how it ended. Safe to call
        for a process that is gone.
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
        """The last lines that it wrote."""
        return tail(self.log)


def run(
    args: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    user: Bruker | None = None,
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


def tail(log: Path) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-_LOG_LINES:])


def clean_environment(*prefixes: str) -> dict[str, str]:
    """Our environment in UTF-8 and UTC, without the variables that would change how a service behaves."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    return kept | {"LC_ALL": _UTF8, "TZ": "UTC"}
