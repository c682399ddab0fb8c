"""Where the workers keep their counters for one another. Imports nothing that imports prometheus_client."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def metrics_directory() -> Iterator[None]:
    """Set prometheus-client's directory while the block runs, and remove it afterwards, on SIGTERM, too.

    prometheus-client reads the variable when it is imported: enter the block before, in the main thread.
    """
    owner = os.getpid()
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until gunicorn takes over
    os.environ[_VARIABLE] = directory = tempfile.mkdtemp(prefix="datadeling-metrics-")
    try:
        yield
    finally:
        if os.getpid() == owner:  # a worker leaves this block, too, and the others still need it
            del os.environ[_VARIABLE]
            shutil.rmtree(directory, ignore_errors=True)
            signal.signal(signal.SIGTERM, previous)
