"""Time limits of a client's socket."""

import socket
from collections.abc import Iterator

import pytest

from datadeling.api import worker as module
from datadeling.api.worker import KEEPALIVE, Client


class _Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def pair() -> Iterator[tuple[Client, socket.socket]]:
    """A client as the worker has it, and the other end of its connection."""
    ours, theirs = socket.socketpair()
    client = Client(ours)
    with theirs:
        yield client, theirs
    client.close()


Pair = tuple[Client, socket.socket]


def test_a_request_must_arrive_within_ten_seconds_of_its_first_byte(clock: _Clock, pair: Pair) -> None:
    client, theirs = pair
    theirs.sendall(b"PO")
    clock.now += 9
    assert client.recv(1) == b"P"
    assert client.gettimeout() == pytest.approx(1)
    clock.now += 4
    assert client.recv(1) == b"O"
    assert client.gettimeout() == pytest.approx(6)
    clock.now += 6
    assert client.recv(1) == b""
    client.await_request(KEEPALIVE)
    theirs.sendall(b"S")
    assert client.recv(1) == b""


@pytest.mark.usefixtures("clock")
def test_the_next_request_may_come_later(pair: Pair) -> None:
    client, theirs = pair
    theirs.sendall(b"PPO")
    client.recv(1)
    client.await_request(KEEPALIVE)
    client.recv(1)
    assert client.gettimeout() == KEEPALIVE
    client.recv(1)
    assert client.gettimeout() == pytest.approx(10)


def test_the_head_and_the_body_of_an_answer_are_sent_together(pair: Pair) -> None:
    client, theirs = pair
    client.sendall(b"head")
    client.sendall(b"body")
    theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        theirs.recv(10)
    client.flush()
    assert theirs.recv(10) == b"headbody"


def test_a_large_answer_is_not_kept_back(pair: Pair) -> None:
    client, theirs = pair
    client.sendall(b"head")
    client.sendall(70_000 * b"x")
    assert theirs.recv(4) == b"head"


def test_a_client_that_reads_too_slowly_counts_as_gone(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REQUEST", 0.01)
    with pytest.raises(BrokenPipeError):
        pair[0].sendall(10_000_000 * b"x")


@pytest.mark.parametrize("is_idle", [True, False])
def test_only_an_idle_connection_is_ended(is_idle: bool, pair: Pair) -> None:
    client, theirs = pair
    theirs.sendall(b"PO")
    if not is_idle:
        client.recv(1)
    client.end_if_idle()
    if is_idle:
        with pytest.raises(BrokenPipeError):  # nobody can send to it any more
            theirs.sendall(b"S")
    else:
        assert client.recv(1) == b"O"


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
