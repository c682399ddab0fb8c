"""gunicorn's worker with threads as we need it: slow clients hold no thread for long, and errors are ours."""

import json
import math
import selectors
import socket
import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import structlog
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import close_graceful  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from datadeling.api.balance import Share
from datadeling.api.problems import MEDIA_TYPE, Problem
from datadeling.api.security import SECURITY_HEADERS

_MOST_WAIT = 1.0  # seconds that a request waits for a thread: consumers give up after 2
_LINGER = 1.0  # seconds until a client that has been told that it is over is taken to know
_NOTIFY_EVERY = 0.5  # seconds
_GIVE_WAY = 0.002  # seconds that a worker leaves a new connection to those with fewer
_LONGEST = 10.0  # seconds that a thread has for a request, from its first byte to the last of the answer

log = structlog.get_logger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Threads, and errors as ours: gunicorn's answer and log quote what was sent.

    A new connection is left to the worker with the fewest. It gets a thread when it has begun to send, and is
    cut when it has had it for too long. A request that has waited too long for a thread is turned away. The
    loop waits for no client: threads do.
    """

    share: Share | None = None
    """What it has of the connections, if there are other workers: see `Balance`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (as gunicorn has it)
        super().__init__(*args, **kwargs)
        self._begun: dict[Any, float] = {}
        self._notified = -math.inf

    def init_process(self) -> None:
        """Called in the worker's process: run until told to stop."""
        # Settings are no attributes: gunicorn finds each only when Python has failed to, 25 times a request.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        super().init_process()

    def notify(self) -> None:
        """Called at each turn of the loop: tell the others what we have, and the arbiter that we live.

        That one not each time, since it asks every 30 s only.
        """
        if self.share is not None:
            self.share.tell(self.nr_conns)
        now = time.monotonic()
        if now > self._notified + _NOTIFY_EVERY:
            self._notified = now
            super().notify()

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, if it is still there when the workers with fewer have had their chance."""
        if self.share is not None and self.share.is_larger:
            time.sleep(_GIVE_WAY)
        super().accept(listener)

    def enqueue_req(self, conn: Any) -> None:  # noqa: ANN401 (gunicorn has no types)
        """Give a connection a thread; one that has sent nothing yet waits without, and not for long."""
        if conn.initialized or conn.data_ready:
            conn.waits_since = time.monotonic()
            super().enqueue_req(conn)
            return
        conn.sock.settimeout(0.0)
        conn.set_timeout()
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401
        """Answer one request, in a thread. False when the connection has been closed."""
        self._begun[conn] = time.monotonic()
        try:
            if self._begun[conn] - conn.waits_since > _MOST_WAIT:
                self.handle_error(None, conn.sock, conn.client, _TooBusy())
                is_kept = False
            else:
                is_kept = super().handle(conn)
            if not is_kept:
                conn.sock.settimeout(None)
                close_graceful(conn.sock, _LINGER)
            return is_kept
        finally:
            self._begun.pop(conn, None)

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:  # noqa: ANN401
        """A thread has done with a request."""
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self.nr_conns -= 1
            conn.close()

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 (as gunicorn has it)
        """Called every second: close what has been silent too long, and cut who is too slow."""
        super().murder_keepalived(force)
        latest = time.monotonic() - _LONGEST
        for conn, begun in list(self._begun.items()):
            if begun < latest:
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
