"""Time limits of a client's socket."""

import socket

import pytest

from datadeling.api import worker as module
from datadeling.api.worker import KEEPALIVE, Client


class _Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class _Socket:
    """A socket whose client sends what is given; its limits are noted, and each `None` is a time-out."""

    def __init__(self, *received: bytes | None) -> None:
        self.received = [*received]
        self.limits: list[float] = []
        self.sent: list[bytes] = []
        self.reads_too_slowly = False
        self.shut: list[int] = []

    def settimeout(self, seconds: float) -> None:
        self.limits.append(seconds)

    def recv(self, _: int) -> bytes:
        data = self.received.pop(0)
        if data is None:
            raise TimeoutError
        return data

    def sendall(self, data: bytes) -> None:
        if self.reads_too_slowly:
            raise TimeoutError
        self.sent.append(data)

    def shutdown(self, how: int) -> None:
        self.shut.append(how)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_a_request_must_arrive_within_ten_seconds_of_its_first_byte(clock: _Clock) -> None:
    sock = _Socket(b"P", b"O", None)
    client = Client(sock)
    clock.now += 9
    assert client.recv(1) == b"P"
    clock.now += 4
    assert client.recv(1) == b"O"
    clock.now += 5.5
    assert client.recv(1) == b""
    assert sock.limits == pytest.approx([1, 6, 0.5])
    client.await_request(KEEPALIVE)
    assert client.recv(1) == b""


@pytest.mark.usefixtures("clock")
def test_the_next_request_may_come_later() -> None:
    sock = _Socket(b"P", b"P", b"O")
    client = Client(sock)
    assert client.recv(1) == b"P"
    client.await_request(KEEPALIVE)
    assert client.recv(1) == b"P"
    assert client.recv(1) == b"O"
    assert sock.limits == pytest.approx([10, 75, 10])


def test_the_head_and_the_body_of_an_answer_are_sent_together() -> None:
    sock = _Socket()
    client = Client(sock)
    client.sendall(b"head")
    client.sendall(b"body")
    client.flush()
    assert sock.sent == [b"headbody"]


def test_a_large_answer_is_not_kept_back() -> None:
    sock = _Socket()
    client = Client(sock)
    client.sendall(b"head")
    client.sendall(100_000 * b"x")
    assert sum(map(len, sock.sent)) == 100_004


def test_a_client_that_reads_too_slowly_counts_as_gone() -> None:
    sock = _Socket()
    sock.reads_too_slowly = True
    client = Client(sock)
    client.sendall(b"head")
    with pytest.raises(BrokenPipeError):
        client.flush()
    assert sock.limits == [10]


@pytest.mark.parametrize("is_idle", [True, False])
def test_only_an_idle_connection_is_ended(is_idle: bool) -> None:
    sock = _Socket(b"P")
    client = Client(sock)
    if not is_idle:
        client.recv(1)
    client.end_if_idle()
    assert sock.shut == ([socket.SHUT_RD] if is_idle else [])


def test_the_client_can_read_the_answer_before_the_connection_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(b"what nobody has read")
        client = Client(ours)
        client.sendall(b"answer")
        theirs.shutdown(socket.SHUT_WR)
        client.close()
        assert theirs.recv(10) == b"answer"
        assert theirs.recv(10) == b""
