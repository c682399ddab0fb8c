"""Connections shared out among workers: who has how many, and who takes the next one."""

import socket
from types import SimpleNamespace

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]

from datadeling.api import worker as module
from datadeling.api.balance import Balance, Share
from datadeling.api.worker import Worker


def shares(*connections: int) -> list[Share]:
    """Of one worker for each number."""
    balance = Balance()
    workers = [SimpleNamespace(share=None) for _ in connections]
    for worker, number in zip(workers, connections, strict=True):
        balance.pre_fork(None, worker)
        worker.share.tell(number)
    return [worker.share for worker in workers]


@pytest.mark.parametrize(
    ("connections", "larger"),
    [
        pytest.param([0], [False], id="alone"),
        pytest.param([3, 3], [False, False], id="as many"),
        pytest.param([14, 17], [False, False], id="nearly as many"),
        pytest.param([1, 0], [True, False], id="one has none"),
        pytest.param([2, 5, 3], [False, True, True], id="three"),
    ],
)
def test_who_has_more_than_another_leaves_the_next_one(connections: list[int], larger: list[bool]) -> None:
    assert [share.is_larger for share in shares(*connections)] == larger


def test_a_worker_that_has_ended_or_not_begun_is_not_waited_for() -> None:
    balance = Balance()
    stays, ends, begins, late = (SimpleNamespace(share=None) for _ in range(4))
    for worker in (stays, ends, begins):
        balance.pre_fork(None, worker)
    stays.share.tell(1)
    assert not stays.share.is_larger
    ends.share.tell(0)
    assert stays.share.is_larger
    balance.child_exit(None, ends)
    assert not stays.share.is_larger
    balance.pre_fork(None, late)
    assert late.share.place == ends.share.place
    assert not stays.share.is_larger


def test_workers_beyond_the_most_share_with_nobody() -> None:
    balance = Balance()
    workers = [SimpleNamespace(share=None) for _ in range(65)]
    for worker in workers:
        balance.pre_fork(None, worker)
    assert [worker.share is None for worker in workers] == [False] * 64 + [True]
    balance.child_exit(None, workers[-1])


@pytest.mark.parametrize(
    ("connections", "other_is_quick", "taken"),
    [
        pytest.param((1, 0), True, 0, id="who has fewer takes it"),
        pytest.param((1, 0), False, 1, id="who has fewer is busy"),
        pytest.param((1, 1), True, 1, id="nobody has fewer"),
    ],
)
def test_a_connection_is_left_to_who_has_fewer_for_a_moment(
    monkeypatch: pytest.MonkeyPatch, connections: tuple[int, int], other_is_quick: bool, taken: int
) -> None:
    kept: list[object] = []
    monkeypatch.setattr(Worker, "enqueue_req", lambda _, conn: kept.append(conn))
    worker = object.__new__(Worker)
    worker.cfg, worker.nr_conns = Config(), 0  # gunicorn's; ours is told elsewhere
    worker.share, _ = shares(*connections)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        listener.setblocking(False)

        accepted: list[socket.socket] = []

        def give_way(_: float) -> None:
            if other_is_quick:
                accepted.append(listener.accept()[0])

        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=give_way))
        client.connect(listener.getsockname())
        worker.accept(listener)
        assert worker.nr_conns == len(kept) == taken
        for one in [*accepted, *(conn.sock for conn in kept)]:  # type: ignore[attr-defined]
            one.close()
