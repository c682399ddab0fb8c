"""Free TCP ports on 127.0.0.1 that stay free while a service is down."""

import random
import socket
from threading import Lock

# Below the ports that kernels give to outgoing connections (32768 and up on Linux, 49152 on macOS). A client
# that retries towards a stopped service may otherwise be given the service's own port to call from, which
# connects it to itself and keeps the service from coming back.
_FIRST, _LAST = 20_000, 29_999
_ATTEMPTS = 200

_random = random.SystemRandom()
_given: set[int] = set()
_lock = Lock()


def free_port() -> int:
    """A port that nobody listens on, never the same twice in one process.

    Another process can take it before the caller listens: the number is drawn at random to make that rare.
    Raise `OSError` when no free port is found. Does not block.
    """
    with _lock:
        for _ in range(_ATTEMPTS):
            port = _random.randint(_FIRST, _LAST)
            if port not in _given and _can_be_bound(port):
                _given.add(port)
                return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}")


def _can_be_bound(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
