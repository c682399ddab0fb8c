"""Where the workers keep their counters for one another. Imports nothing that imports prometheus_client."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def metrics_directory() -> Iterator[None]:
    """Set prometheus-client's directory while the block runs, and remove it afterwards, on SIGTERM, too.

    prometheus-client reads the variable when it is imported: enter the block before. Call it from the main
    thread.
    """
    owner = os.getpid()
    previous = signal.signal(signal.SIGTERM, _exit)  # until gunicorn takes over
    directory = tempfile.mkdtemp(prefix="datadeling-metrics-")
    os.environ[_VARIABLE] = directory
    try:
        yield
    finally:
        if os.getpid() == owner:  # a worker leaves this block, too, and the others still need it
            del os.environ[_VARIABLE]
            shutil.rmtree(directory, ignore_errors=True)
            signal.signal(signal.SIGTERM, previous)


def _exit(_: int, __: FrameType | None) -> None:
    sys.exit(0)
