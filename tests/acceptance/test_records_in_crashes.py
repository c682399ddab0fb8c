"""Every answered lookup has its record when workers, `serve` or PostgreSQL are killed."""

import json
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from threading import Event

import psutil
import psycopg

from datadeling.db.migrate import migrate
from datadeling.demo.postgres import EmbeddedPostgres
from tests.acceptance.conftest import ServeOn, Setting
from tests.acceptance.lookups import CALLS, look_up, recorded
from tests.acceptance.processes import Process
from tests.integration.api.rows import insert, row
from tests.waiting import wait_until


class Clients:
    """Clients that send lookups without a pause, and keep the ids of those that were answered."""

    def __init__(self, api: Setting, token: str, clients: int = 4) -> None:
        self._api, self._token = api, token
        self._numbers = count()
        self._stop = Event()
        self._pool = ThreadPoolExecutor(clients)
        self.answered: list[str] = []
        self._running: list[Future[None]] = [self._pool.submit(self._send) for _ in range(clients)]

    def __enter__(self) -> "Clients":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for each in self._running:
            each.result()

    def more(self, answers: int = 50) -> None:
        """Block until there are so many more answers."""
        goal = len(self.answered) + answers
        wait_until(lambda: len(self.answered) >= goal, "lookups are answered")

    def _send(self) -> None:
        while not self._stop.is_set():
            call_id = f"call-{next(self._numbers)}"
            answer = look_up(self._api, self._token, CALLS[0], call_id)
            if answer.status == 200:
                assert json.loads(answer.body)["antall"] == 1
                self.answered.append(call_id)
            else:
                assert answer.status in {0, 503}


def workers(process: Process) -> list[int]:
    return [child.pid for child in psutil.Process(process.process.pid).children()]


def test_answers_have_records_when_processes_are_killed(
    serve_on: ServeOn, db_url: str, connection: psycopg.Connection, token: str
) -> None:
    insert(connection, [row(1)])
    api, process = serve_on(db_url)
    with Clients(api, token) as clients:
        for _ in range(4):
            clients.more()
            for worker in workers(process):
                os.kill(worker, signal.SIGKILL)
        clients.more()
        pids = [*workers(process), process.process.pid]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    assert len(clients.answered) >= 250
    assert set(clients.answered) <= recorded(connection)


def test_answers_have_records_when_postgresql_crashes(serve_on: ServeOn, token: str) -> None:
    """A committed record is there after the crash."""
    with EmbeddedPostgres() as server:
        migrate(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            insert(connection, [row(1)])
        api, _ = serve_on(server.url)
        with Clients(api, token) as clients:
            for _ in range(3):
                clients.more()
                with psycopg.connect(server.url) as victim:
                    os.kill(victim.info.backend_pid, signal.SIGKILL)
            clients.more()
        with psycopg.connect(server.url) as connection:
            assert set(clients.answered) <= recorded(connection)
