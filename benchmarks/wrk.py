"""A load of HTTP requests by `wrk`, which takes little CPU itself. Debian has it as a package."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from datadeling.demo.process import ServiceFailed

_SCRIPT = Path(__file__).with_suffix(".lua")
_SEED = 2026


class Result(NamedTuple):
    """The answers of one load, and how long they took, in milliseconds."""

    answers: int
    seconds: float
    p50: float
    p99: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


class Wrk:
    """Posts bodies drawn from a list, with the same headers, over kept connections.

    Numbers of persons are in files below `directory` and in bodies, never in an address or on a command line.
    Raises `ServiceFailed` when `wrk` is not installed.
    """

    def __init__(self, directory: Path, headers: Mapping[str, str]) -> None:
        program = shutil.which("wrk")
        if program is None:
            raise ServiceFailed("wrk is not installed: on Debian, apt-get install wrk")
        self._program = program
        self._directory = directory
        self._headers = directory / "headers.txt"
        lines = {"Content-Type": "application/json", **headers}
        self._headers.write_text("".join(f"{name}: {value}\n" for name, value in lines.items()))

    def write_bodies(self, name: str, bodies: Sequence[object]) -> Path:
        """Write request bodies to a file, to be used by several loads."""
        path = self._directory / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
        return path

    def load(self, url: str, bodies: Path, connections: int, seconds: int) -> Result:
        """Send requests for so long. Raise `ServiceFailed` when an answer is not 2xx."""
        done = subprocess.run(
            [
                self._program, "--threads", "1", "--connections", str(connections),
                "--duration", f"{seconds}s", "--timeout", "10s", "--script", str(_SCRIPT), url,
                "--", str(self._headers), str(bodies), str(_SEED),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ServiceFailed(f"wrk ended ({done.returncode}): {done.stderr[-500:]}")
        summary = json.loads(done.stdout.splitlines()[-1])
        if summary.pop("failed") or not summary["answers"]:
            raise ServiceFailed(f"not every request was answered with 2xx:\n{done.stdout}")
        return Result(**summary)
