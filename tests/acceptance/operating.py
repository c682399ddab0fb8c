"""The commands of an operator, run in the environment of a consumer."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from datadeling.pipeline.message import Message

Produce = Callable[[list[Message]], None]
Stored = Callable[[list[Message]], None]
"""Send messages to a running consumer, and wait until it has handled them."""


class Operator:
    """Runs commands in the environment of the consumer."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **env}

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command that ends with `code`; return its output, for other codes than 0 with its errors."""
        done = subprocess.run(
            [sys.executable, "-m", "datadeling", *arguments],
            env=self._env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))
