"""Connections that wait for a thread, with real sockets."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from queue import SimpleQueue
from threading import Thread
from types import SimpleNamespace

import pytest

from datadeling.api import waiting as module
from datadeling.api.waiting import Waiting
from tests.acceptance.processes import wait_until


class Client:
    """Both ends of a connection: the client's, and what the worker has of it."""

    def __init__(self, stack: ExitStack) -> None:
        ours, theirs = socket.socketpair()
        self.sock, self._client = stack.enter_context(ours), stack.enter_context(theirs)
        self.waits_since: float | None = None
        self.send, self.close = self._client.sendall, self._client.close

    def received(self) -> bytes:
        return self.sock.recv(100)


@pytest.fixture
def connected() -> Iterator[Callable[[], Client]]:
    with ExitStack() as stack:
        yield lambda: Client(stack)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_who_sends_or_goes_is_taken_and_once_only(connected: Callable[[], Client]) -> None:
    waiting, (first, second, silent) = Waiting(), (connected(), connected(), connected())
    for client in (first, second, silent):
        waiting.add(client, seconds=60)
    first.send(b"1")
    assert waiting.take(1)[0] is first
    second.close()
    assert waiting.take(1)[0] is second
    first.send(b"2")  # it has been taken, and not been brought back
    silent.send(b"3")
    assert waiting.take(1)[0] is silent
    waiting.add(first, seconds=60)
    assert waiting.take(1)[0] is first
    assert first.received() == b"12"


def test_each_is_taken_by_one_of_many_threads(connected: Callable[[], Client]) -> None:
    waiting, clients, taken = Waiting(), [connected() for _ in range(20)], SimpleQueue[Client]()

    def work() -> None:
        while (client := waiting.take(1)[0]).received() != b"end":
            taken.put(client)
            waiting.add(client, seconds=60)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for client in clients:
        waiting.add(client, seconds=60)
    for _ in range(10):
        for client in clients:
            client.send(b"x")
        assert {taken.get(timeout=30) for _ in clients} == set(clients)
    for client in clients[:4]:
        client.send(b"end")
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert taken.empty()


def test_time_counts_from_when_it_was_seen_first(
    connected: Callable[[], Client], clock: SimpleNamespace
) -> None:
    waiting, (early, late) = Waiting(), (connected(), connected())
    for client in (late, early):
        waiting.add(client, seconds=60)
    early.send(b"1")
    waiting.look()
    clock.now += 5
    late.send(b"2")
    waiting.look()
    clock.now += 5
    assert waiting.take(1)[0] is early
    assert waiting.take(1)[0] is late
    assert (early.waits_since, late.waits_since) == (100, 105)


def test_as_many_are_taken_as_have_come_but_no_more_than_asked_for(
    connected: Callable[[], Client],
) -> None:
    waiting, clients = Waiting(), [connected() for _ in range(5)]
    for client in clients:
        waiting.add(client, seconds=60)
        client.send(b"1")
    taken = waiting.take(3) + waiting.take(3)
    assert len(taken) == 5
    assert set(taken) == set(clients)


def test_who_is_given_back_is_seen_by_who_asks_already_and_has_waited_since_the_first_time(
    connected: Callable[[], Client], clock: SimpleNamespace
) -> None:
    waiting, client, taken = Waiting(), connected(), SimpleQueue[list[Client]]()
    waiting.add(client, seconds=2)
    client.send(b"1")
    (conn,) = waiting.take(1)
    taker = Thread(target=lambda: taken.put(waiting.take(1)))
    taker.start()
    wait_until(waiting._asking.locked, "the kernel is being asked")
    clock.now += 5
    waiting.give_back([conn])
    assert taken.get(timeout=30) == [client]
    taker.join(30)
    assert client.waits_since == 100
    waiting.add(client, seconds=2)
    assert waiting.take(1) == [client]
    assert client.waits_since == 105


def test_looking_waits_for_nobody(connected: Callable[[], Client]) -> None:
    waiting, client = Waiting(), connected()
    waiting.add(client, seconds=60)
    taker = Thread(target=waiting.take, args=(1,))
    taker.start()
    waiting.look()
    client.send(b"1")
    taker.join(30)
    assert not taker.is_alive()


def test_who_is_silent_for_too_long_is_taken_and_has_ended(
    connected: Callable[[], Client], clock: SimpleNamespace
) -> None:
    waiting, (silent, patient, last_moment) = Waiting(), (connected(), connected(), connected())
    waiting.add(silent, seconds=2)
    waiting.add(last_moment, seconds=2)
    waiting.add(patient, seconds=9)
    clock.now += 2
    waiting.expire()
    clock.now += 1
    last_moment.send(b"1")
    waiting.expire()
    assert {waiting.take(1)[0], waiting.take(1)[0]} == {silent, last_moment}
    assert silent.received() == b""
    assert last_moment.received() == b"1"
    last_moment.sock.sendall(b"the answer")
    patient.send(b"2")
    assert waiting.take(1)[0] is patient


def test_who_has_gone_is_no_trouble(connected: Callable[[], Client], clock: SimpleNamespace) -> None:
    waiting, client = Waiting(), connected()
    waiting.add(client, seconds=2)
    client.close()
    clock.now += 3
    waiting.expire()
    assert waiting.take(1)[0] is client
