"""Processes, servers, temporary directories and ports of ours; nothing of them outlives this process."""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from datadeling.errors import DatadelingError

_INHERITED = ("PATH", "HOME", "PYTHONPATH")

# Below the ports that kernels give to outgoing connections (32768 and up on Linux, 49152 on macOS).
# Otherwise a client that retries a stopped service may be given the service's own port to call from, which
# connects it to itself and keeps the service from coming back.
_ports = iter(random.SystemRandom().sample(range(20_000, 30_000), 10_000))


class ServiceFailed(DatadelingError):
    """A service did not start, or has ended. Nothing of it is left running; the text ends with its log."""


class Child(subprocess.Popen[bytes]):
    """A process in a session of its own, out of reach of Ctrl-C, that outlives neither us nor its block.

    It has `clean_environment` with `settings`, and its output goes to `log`. `sign` is the signal that stops
    it, also if we die first. `options` are those of `Popen`. Raises `OSError` when it cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str | Path],
        *,
        log: Path,
        settings: Mapping[str, str] | None = None,
        sign: signal.Signals = signal.SIGTERM,
        **options: Any,  # noqa: ANN401
    ) -> None:
        self.log = log
        self._sign = sign
        options |= {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "start_new_session": True}
        with log.open("ab") as output:
            super().__init__(args, stdout=output, env=clean_environment() | dict(settings or {}), **options)
        try:
            script = 'kill -s "$1" "$2"; sleep 1; kill -s KILL -- "-$2"'
            self._guard = _when_we_die(script, sign.name.removeprefix("SIG"), self.pid)
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

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log_tail(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-80:])


class EmbeddedService(ABC):
    """A server on a free port of 127.0.0.1 that runs while the block does; it is gone however the block ends.

    Its data and its log are in `directory`, a temporary one. `stop` and `start` keep data and port. One
    thread at a time may use an instance.
    """

    directory: Path
    pid: int
    _child: Child

    def __init__(self) -> None:
        self.port = free_port()
        self._stack = ExitStack()

    @abstractmethod
    def _prepare(self) -> None:
        """Create the data. Blocks."""

    @abstractmethod
    def _launch(self) -> Child:
        """Start the process without waiting for it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Return True when it answers a real request. Blocks for a fraction of a second, raises nothing."""

    def start(self) -> None:
        """Start it on its data, and block until it answers.

        Raises `ServiceFailed`, with the end of the log, when it ends or has not answered after a minute.
        """
        self._child = self._stack.enter_context(self._launch())
        self.pid = self._child.pid
        await_true(self._answers, self._child, poll_s=0.02)

    def stop(self) -> None:
        """Stop, by force after 10 s, and block until it is gone. Safe when it does not run."""
        self._child.stop()

    def kill(self) -> None:
        """Kill it as a crash would, and block until it is gone."""
        self._child.stop(sign=signal.SIGKILL)

    def __enter__(self) -> Self:
        with self._stack:
            self.directory = self._stack.enter_context(temporary_directory())
            self._prepare()
            self.start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


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
            logs = (f"{child.log.stem} does not come up:\n{child.log_tail()}" for child in children)
            raise ServiceFailed("\n".join(logs))
        time.sleep(poll_s)


def clean_environment() -> dict[str, str]:
    """Return the environment of a process of ours: in UTF-8 and UTC, without any settings."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8", "TZ": "UTC"}


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
