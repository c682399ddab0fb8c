"""A client's connection that lets others go first before it waits for the client."""

import socket
from contextlib import suppress
from typing import Any, Self

from datadeling.crew import step_aside

_MUCH = 65_536  # bytes
_ROOM = 212_992  # bytes: what Linux gives to whoever asks, and more than most pages of avtaler


class ClientSocket(socket.socket):
    """As a socket in blocking mode, but a member of a crew that uses it steps aside before it blocks.

    Only the calls that gunicorn makes for a request are covered: `recv`, `sendall` and `sendfile`.
    """

    @classmethod
    def of(cls, accepted: socket.socket) -> Self:
        """Take a connection over: `accepted` is closed then.

        There is room in the kernel for the answer to a quick lookup, so that it is never held up by who is
        slow in its crew. As it comes, a connection over a network has room for some 50 kB in the beginning.
        """
        ours = cls(accepted.family, accepted.type, accepted.proto, accepted.detach())
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
        return ours

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As a socket does. What is there already is given at once."""
        try:
            return super().recv(size, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            step_aside()
            return super().recv(size, flags)

    def drain(self) -> bool:
        """Throw away what has come. False when no more can come. Never blocks."""
        try:
            return bool(super().recv(_MUCH, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: ANN401 (any buffer)
        """As a socket does. What the kernel takes at once is sent at once."""
        left = memoryview(data)
        with suppress(BlockingIOError):
            left = left[super().send(left, flags | socket.MSG_DONTWAIT) :]
        if left:
            step_aside()
            super().sendall(left, flags)

    def sendfile(self, *args: Any, **kwargs: Any) -> int:  # noqa: ANN401
        """As a socket does. Others go first: files are large."""
        step_aside()
        return super().sendfile(*args, **kwargs)
