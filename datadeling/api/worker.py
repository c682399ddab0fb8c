"""gunicorn's worker with threads as we need it: slow clients hold no thread for long, and errors are ours."""

import json
import math
import socket
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from threading import Thread
from typing import Any
from uuid import uuid4

import structlog
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from datadeling.api.balance import Share
from datadeling.api.client_socket import ClientSocket
from datadeling.api.problems import MEDIA_TYPE, Problem
from datadeling.api.responses import SECURITY_HEADERS
from datadeling.api.turns import Turn, Turns
from datadeling.api.waiting import Waiting
from datadeling.crew import Crew, step_aside

_CREW = 16  # requests that a thread answers in turns, at most
_MOST_WAIT = 1.0  # seconds that a request waits for a thread: consumers give up after 2
_LINGER = 1.0  # seconds until a client that has been told that it is over is taken to know
_TICK = 0.1  # seconds: how exactly time is kept
_GIVE_WAY = 0.002  # seconds that a worker leaves a new connection to those with fewer
_LONGEST = 10.0  # seconds that a thread has for a request, from its first byte to the last of the answer

log = structlog.get_logger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Threads, and errors as ours: gunicorn's answer and log quote what was sent.

    A new connection is left to the worker with the fewest. One thread takes those whose clients have sent
    something (`Waiting`), and answers them as a `Crew`; when that is about to be slow, or is, the next thread
    has its turn. A client is cut when it has had a thread for too long; a request that has waited for one too
    long is turned away. The main thread accepts, and keeps time.
    """

    share: Share | None = None
    """What it has of the connections, if there are other workers: see `Balance`."""

    def init_process(self) -> None:
        """Called in the worker's process: run until told to stop."""
        # Settings are no attributes: gunicorn finds each only when Python has failed to, 25 times a request.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self._waiting = Waiting()
        self._turns = Turns()
        self._open: set[Any] = set()
        self._begun: dict[Any, float] = {}
        self._ticked = -math.inf
        super().init_process()

    def run(self) -> None:
        """Called last: serve until told to stop, then until all has been answered, or the grace is over."""
        self._tell()
        for _ in range(self.cfg.threads):
            Thread(target=self._serve, daemon=True).start()
        while self.alive and self.is_parent_alive():
            self.set_accept_enabled(len(self._open) < self.worker_connections)
            self._keep_time()
        self.set_accept_enabled(False)
        latest = time.monotonic() + self.cfg.graceful_timeout
        while self._open and time.monotonic() < latest:
            self._keep_time()

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, if it is still there when the workers with fewer have had their chance."""
        if self.share is not None and self.share.is_larger:
            time.sleep(_GIVE_WAY)
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401 (gunicorn has no types)
        """Called by `accept`, with a new connection."""
        conn.sock = ClientSocket.of(conn.sock)
        conn.data_ready = True  # when a thread has it
        conn.parts_at = None  # when it is closed whatever the client does, once it is to be
        self._open.add(conn)
        self._tell()
        self._waiting.add(conn, self.cfg.keepalive)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401
        """Answer a request, and what was sent along with it. False when no more is to come."""
        self._begun[conn] = now = time.monotonic()
        try:
            if now - conn.waits_since > _MOST_WAIT:
                self.handle_error(None, conn.sock, conn.client, _TooBusy())
                return False
            is_kept = super().handle(conn)
            while is_kept and conn.parser.unreader.buf.getvalue():
                step_aside()  # however much it is that one client has sent, others come first
                self._begun[conn] = time.monotonic()
                is_kept = super().handle(conn)
            return is_kept
        finally:
            self._begun.pop(conn, None)

    def _serve(self) -> None:
        """What a thread does, for as long as the process lives."""
        while True:
            turn = self._turns.take()
            while not turn.is_over():
                conns = self._waiting.take(_CREW)
                turn.busy_since = time.monotonic()
                self._answer(conns, turn)
                turn.busy_since = math.inf

    def _answer(self, conns: list[Any], turn: Turn) -> None:
        """Let the next thread have its turn before any of these takes long."""
        crew = Crew()
        for number, conn in enumerate(conns, 1):
            crew.start(partial(self._answer_one, conn))
            if crew.has_aside():
                self._waiting.give_back(conns[number:])
                turn.pass_on()
                break
        crew.settle()
        if crew.has_aside():
            turn.pass_on()
        crew.finish()

    def _answer_one(self, conn: Any) -> None:  # noqa: ANN401
        """What a member of a crew does. Raises nothing."""
        try:
            if conn.parts_at is None and self.handle(conn):
                self._waiting.add(conn, self.cfg.keepalive)
            else:
                self._part(conn)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (the others of the crew would be lost)
            log.error("request_failed", error=type(error).__name__)  # noqa: TRY400 (a traceback may quote)
            self._close(conn)

    def _part(self, conn: Any) -> None:  # noqa: ANN401
        """Close when the client has, or in a second: at once, and what it has yet to read would be lost."""
        if conn.parts_at is None:
            conn.parts_at = time.monotonic() + _LINGER
            with suppress(OSError):  # it has gone
                conn.sock.shutdown(socket.SHUT_WR)
        left = conn.parts_at - time.monotonic()
        if left > 0 and conn.sock.drain():
            self._waiting.add(conn, left)
        else:
            self._close(conn)

    def _close(self, conn: Any) -> None:  # noqa: ANN401
        conn.close()
        self._open.discard(conn)
        self._tell()

    def _tell(self) -> None:
        if self.share is not None:
            self.share.tell(len(self._open))

    def _keep_time(self) -> None:
        """Accept, or do nothing, for up to a tick; then do what is to be done every tick."""
        self.wait_for_and_dispatch_events(_TICK)
        now = time.monotonic()
        if now < self._ticked + _TICK:
            return
        self._ticked = now
        self.notify()
        self._waiting.look()
        self._waiting.expire()
        self._turns.relieve(now - _TICK)
        for conn, begun in list(self._begun.items()):
            if begun < now - _LONGEST:
                with suppress(OSError):  # it ended just now
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, req: object, client: socket.socket, addr: object, exc: Exception) -> None:  # noqa: ARG002
        """Answer what never became a request, or what escaped from the application."""
        status = _status_of(exc)
        call_id = str(uuid4())
        tell = log.error if status == HTTPStatus.INTERNAL_SERVER_ERROR else log.warning
        tell("request_refused", call_id=call_id, error=type(exc).__name__, status=status)
        with suppress(OSError):
            client.sendall(_raw_answer(status, call_id))


class _TooBusy(Exception):
    """All threads have had too much to do for too long."""


def _status_of(error: Exception) -> HTTPStatus:
    match error:
        case _TooBusy():
            return HTTPStatus.SERVICE_UNAVAILABLE
        case LimitRequestLine():
            return HTTPStatus.REQUEST_URI_TOO_LONG
        case LimitRequestHeaders():
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        case ParseException():
            return HTTPStatus.BAD_REQUEST
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def _raw_answer(status: HTTPStatus, call_id: str) -> bytes:
    body = json.dumps({**Problem(status).body, "traceId": call_id}, ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        f"Nav-Call-Id: {call_id}",
        *(["Retry-After: 1"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
        *(f"{name}: {value}" for name, value in SECURITY_HEADERS.items()),
    )
    return "\r\n".join((*head, "", "")).encode() + body
