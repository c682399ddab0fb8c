"""Sockets of clients: who would have to wait for one steps aside first."""

import socket
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from datadeling.api.client_socket import ClientSocket
from datadeling.crew import Crew

_MUCH = b"x" * 4_000_000  # bytes: more than the kernel takes at once


@pytest.fixture
def ends() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """Ours, and the client's."""
    one, theirs = socket.socketpair()
    with ClientSocket.of(one) as ours, theirs:
        yield ours, theirs


def _steps_aside(task: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> bool:
    """Whether it does; then it goes on after `meanwhile`."""
    crew = Crew()
    crew.start(lambda: (task(), None)[1])
    has_stepped_aside = crew.has_aside()
    meanwhile()
    crew.finish()
    return has_stepped_aside


def test_what_is_there_is_read_at_once_and_what_is_not_is_waited_for_last(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    ours, theirs = ends
    got: list[bytes] = []

    def read() -> None:
        got.append(ours.recv(2))

    theirs.sendall(b"123")
    assert not _steps_aside(read)
    assert not _steps_aside(read)
    assert _steps_aside(read, lambda: theirs.sendall(b"4"))
    theirs.close()
    assert not _steps_aside(read)
    assert got == [b"12", b"3", b"4", b""]


def test_what_the_kernel_takes_is_sent_at_once_and_the_rest_last(
    ends: tuple[ClientSocket, socket.socket],
) -> None:
    ours, theirs = ends
    assert not _steps_aside(lambda: ours.sendall(b"answer"))
    assert theirs.recv(10) == b"answer"
    got: list[bytes] = []
    reader = Thread(target=lambda: got.extend(iter(lambda: theirs.recv(65_536), b"")))
    assert _steps_aside(lambda: ours.sendall(_MUCH), reader.start)
    ours.shutdown(socket.SHUT_WR)
    reader.join(30)
    assert b"".join(got) == _MUCH


def test_a_page_of_avtaler_is_sent_at_once_though_the_client_reads_nothing() -> None:
    """It came to a connection that has less room, as over a network."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(listener.getsockname())
            with ClientSocket.of(listener.accept()[0]) as ours:
                reader = Thread(target=lambda: deque(iter(lambda: client.recv(65_536), b""), maxlen=0))
                assert not _steps_aside(lambda: ours.sendall(b"x" * 200_000), reader.start)
                ours.shutdown(socket.SHUT_WR)
                reader.join(30)


def test_a_full_connection_loses_nothing(ends: tuple[ClientSocket, socket.socket]) -> None:
    """Then the kernel takes no byte at once."""
    ours, theirs = ends
    filled = 0
    ours.setblocking(False)
    while True:
        try:
            filled += socket.socket.send(ours, _MUCH)
        except BlockingIOError:
            break
    ours.setblocking(True)
    got: list[bytes] = []
    reader = Thread(target=lambda: got.extend(iter(lambda: theirs.recv(65_536), b"")))
    assert _steps_aside(lambda: ours.sendall(b"last"), reader.start)
    ours.shutdown(socket.SHUT_WR)
    reader.join(30)
    assert b"".join(got) == b"x" * filled + b"last"


def test_files_are_sent_last(ends: tuple[ClientSocket, socket.socket], tmp_path: Path) -> None:
    ours, theirs = ends
    path = tmp_path / "file"
    path.write_bytes(b"content")
    with path.open("rb") as file:
        assert _steps_aside(lambda: ours.sendfile(file))
    assert theirs.recv(10) == b"content"


def test_draining_waits_for_nobody(ends: tuple[ClientSocket, socket.socket]) -> None:
    ours, theirs = ends
    assert ours.drain()
    theirs.sendall(b"more")
    assert ours.drain()
    assert ours.drain()
    theirs.close()
    assert not ours.drain()
    ours.close()
    assert not ours.drain()
