"""A load of HTTP requests by `wrk`, which takes next to nothing of the cores. Debian has it as a package."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from datadeling.demo.process import ServiceFailed

_SCRIPT = Path(__file__).with_suffix(".lua")
_SEED = 2026


class Load(NamedTuple):
    """What came of it. How long an answer took is in milliseconds."""

    answers: int
    seconds: float
    p50: float
    p99: float
    worst: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


class Wrk:
    """Posts bodies drawn from a list, with the same headers, over kept connections.

    Numbers of persons stand in files below `directory`, and in bodies: in no address, and on no command line.
    Raise `ServiceFailed` when `wrk` is not installed.
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

    def bodies(self, name: str, bodies: Sequence[object]) -> Path:
        """Write down what to ask, once for several loads."""
        path = self._directory / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(body)}\n" for body in bodies))
        return path

    def load(self, url: str, bodies: Path, connections: int, seconds: int) -> Load:
        """Ask over so many connections for so long. Raise `ServiceFailed` for an answer that is not 2xx."""
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
        told = json.loads(done.stdout.splitlines()[-1])
        if told.pop("refused") + told.pop("broken") or not told["answers"]:
            raise ServiceFailed(f"not every request was answered with 2xx:\n{done.stdout}")
        return Load(**told)
