"""How a worker's thread answers connections: real sockets, and requests of our own making."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]
from structlog.testing import capture_logs

from datadeling.api import worker as module
from datadeling.api.client_socket import ClientSocket
from datadeling.api.turns import Turns
from datadeling.api.waiting import Waiting
from datadeling.api.worker import Worker
from datadeling.crew import step_aside


class Enough(BaseException):
    """There are no more connections."""


class Connection:
    """What a worker has of one, and the client's end."""

    def __init__(self, stack: ExitStack) -> None:
        ours, theirs = socket.socketpair()
        self.client = stack.enter_context(theirs)
        self.sock = stack.enter_context(ClientSocket.of(ours))
        self.waits_since: float | None = None
        self.parts_at: float | None = None
        self.parser = SimpleNamespace(unreader=SimpleNamespace(buf=BytesIO()))
        self.close = self.sock.close


@pytest.fixture
def worker() -> Worker:
    """As `init_process` leaves it."""
    worker = object.__new__(Worker)
    worker._waiting, worker._turns = Waiting(), Turns()
    worker._begun, worker._open = {}, set()
    worker.cfg = SimpleNamespace(keepalive=60)
    return worker


@pytest.fixture
def connected(worker: Worker) -> Iterator[Callable[[], Connection]]:
    """Connections that have been taken."""
    with ExitStack() as stack:

        def connect() -> Connection:
            connection = Connection(stack)
            worker._open.add(connection)
            connection.client.sendall(b"request")
            worker._waiting.add(connection, 60)
            assert worker._waiting.take(1) == [connection]
            return connection

        yield connect


def _requests(monkeypatch: pytest.MonkeyPatch, answer: Callable[[Any], bool]) -> None:
    """What gunicorn makes of a request, once it has read it, and whether the connection is kept."""

    def handle(_: Worker, conn: Any) -> bool:
        conn.sock.recv(100)
        return answer(conn)

    monkeypatch.setattr(ThreadWorker, "handle", handle)


def test_what_came_with_a_request_is_answered_before_the_client_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    came = BytesIO(b"123")
    conn = Mock(waits_since=time.monotonic())
    conn.parser.unreader.buf.getvalue = lambda: came.getvalue()[came.tell() :]
    _requests(monkeypatch, lambda _: bool(came.read(1)))
    assert worker.handle(conn) is True
    assert came.read() == b""
    assert not worker._begun


@pytest.mark.parametrize("escaped", [SystemExit(1), ValueError("hemmelig")])
def test_a_thread_outlives_what_escapes_from_a_request_and_the_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
    worker: Worker,
    connected: Callable[[], Connection],
    escaped: BaseException,
) -> None:
    bad, good = connected(), connected()

    def answer(conn: Connection) -> bool:
        if conn is bad:
            raise escaped
        conn.sock.sendall(b"answer")
        return False

    _requests(monkeypatch, answer)
    monkeypatch.setattr(worker._waiting, "take", Mock(side_effect=[[bad, good], Enough]))
    with capture_logs() as logs, pytest.raises(Enough):
        worker._serve()
    assert (bad.client.recv(10), good.client.recv(10)) == (b"", b"answer")
    assert not worker._begun
    assert worker._open == {good}  # until its client has gone
    assert logs == [{"event": "request_failed", "error": type(escaped).__name__, "log_level": "error"}]


def test_before_one_is_slow_the_next_thread_may_take_those_that_have_not_begun(
    monkeypatch: pytest.MonkeyPatch, worker: Worker, connected: Callable[[], Connection]
) -> None:
    quick, slow, left = connected(), connected(), connected()
    begun: list[Connection] = []
    meanwhile: list[object] = []

    def answer(conn: Connection) -> bool:
        begun.append(conn)
        if conn is slow:
            step_aside()
            worker._waiting.look()
            meanwhile.extend([turn.is_over(), *worker._waiting._arrived])
        return True

    _requests(monkeypatch, answer)
    turn = worker._turns.take()
    worker._answer([quick, slow, left], turn)
    assert begun == [quick, slow]
    assert meanwhile == [True, left]


def test_who_is_only_quick_keeps_the_turn(
    monkeypatch: pytest.MonkeyPatch, worker: Worker, connected: Callable[[], Connection]
) -> None:
    _requests(monkeypatch, lambda _: True)
    turn = worker._turns.take()
    conns = [connected(), connected()]
    worker._answer(conns, turn)
    assert not turn.is_over()
    assert worker._open == set(conns)


def test_a_connection_that_is_over_is_closed_when_its_client_has_read_all_or_in_a_second(
    monkeypatch: pytest.MonkeyPatch, worker: Worker, connected: Callable[[], Connection]
) -> None:
    clock = SimpleNamespace(now=time.monotonic())
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    _requests(monkeypatch, lambda _: False)
    goes, stays = connected(), connected()
    turn = worker._turns.take()
    worker._answer([goes, stays], turn)
    assert worker._open == {goes, stays}
    assert goes.client.recv(10) == b""
    goes.client.close()
    stays.client.sendall(b"more, though nobody reads it")
    for conn in worker._waiting.take(1) + worker._waiting.take(1):
        worker._answer([conn], turn)
    assert worker._open == {stays}
    stays.client.sendall(b"and more")
    clock.now += 1
    worker._answer(worker._waiting.take(1), turn)
    assert not worker._open
