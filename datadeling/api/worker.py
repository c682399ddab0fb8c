"""gunicorn's gevent worker, with time limits for its clients, and errors as problems that quote nothing."""

import errno
import json
import time
from contextlib import nullcontext, suppress
from http import HTTPStatus
from socket import SHUT_RD, socket
from typing import Any
from uuid import uuid4

import gevent
import gevent.socket
import structlog
from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from datadeling.api.headers import CALL_ID, SECURITY_HEADERS
from datadeling.api.problems import MEDIA_TYPE, Problem
from datadeling.log import frames

KEEPALIVE = 75  # seconds between two requests: longer than clients' pools keep connections

_REQUEST = 10.0  # seconds for a request, from its first byte to its last; and for each part of the answer
_MUCH = 65_536  # bytes
_LINGER = 1.0  # seconds for the client to read the answer before it is closed
_MOST_UNREAD = 16 * 1024 * 1024  # bytes read meanwhile, and thrown away
_FAREWELL = 2.0  # seconds after SIGTERM in which kept connections may bring another request

log = structlog.get_logger(__name__)


class Client(gevent.socket.socket):
    """The socket of a client, with time limits. A client that is too slow has gone, for gunicorn."""

    def __init__(self, accepted: socket) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._is_over = False
        self._unsent = b""  # the head of an answer is sent with its body
        self.await_request(_REQUEST)

    def await_request(self, seconds: float = KEEPALIVE) -> None:
        """Send what is unsent of an answer, and wait this long for the first byte of the next request."""
        if self._unsent:
            self.flush()
        self._is_idle = True
        self._deadline = time.monotonic() + seconds

    def recv(self, size: int) -> bytes:  # type: ignore[override]
        """Return nothing when the time is up, and from then on."""
        if self._is_over:
            return b""
        self.settimeout(max(self._deadline - time.monotonic(), 0.001))
        try:
            data: bytes = super().recv(size)
        except TimeoutError:
            self._is_over = True
            return b""
        if self._is_idle:
            self._is_idle = False
            self._deadline = time.monotonic() + _REQUEST
        return data

    def sendall(self, data: bytes) -> None:  # type: ignore[override]
        """Send with the rest of the answer, or when there is much."""
        self._unsent += data
        if len(self._unsent) > _MUCH:
            self.flush()

    def flush(self) -> None:
        """Raise `BrokenPipeError` when the client does not take what is unsent in time."""
        data, self._unsent = self._unsent, b""
        self.settimeout(_REQUEST)
        try:
            super().sendall(data)
        except TimeoutError:
            raise BrokenPipeError(errno.EPIPE, "the client reads too slowly") from None

    def end_if_idle(self) -> None:
        """Read no more, unless a request is being read or answered."""
        if self._is_idle:
            with suppress(OSError):  # it has gone
                self.shutdown(SHUT_RD)

    def close(self) -> None:
        """Close when the client has read the answer: closed at once, it could lose it."""
        with suppress(OSError):
            self.flush()
        util.close_graceful(super(), _LINGER, _MOST_UNREAD)


class Worker(GeventWorker):  # type: ignore[misc]
    """A greenlet for each connection."""

    def init_process(self) -> None:
        """Called in the worker's process: run until SIGTERM."""
        # As attributes: gunicorn finds each setting only after Python has failed to, 25 times a request.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self._clients: set[Client] = set()
        super().init_process()

    timeout_ctx = nullcontext
    """Without gunicorn's own limit for reading a request: `Client` has them."""

    def handle(self, listener: object, client: socket, addr: object) -> None:
        """Answer the requests of a connection."""
        connection = Client(client)
        self._clients.add(connection)
        try:
            super().handle(listener, connection, addr)
        finally:
            self._clients.discard(connection)

    def handle_request(self, listener_name: object, req: object, sock: Client, addr: object) -> None:
        """Answer one request."""
        super().handle_request(listener_name, req, sock, addr)
        sock.await_request()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Called on SIGTERM: gunicorn accepts and answers for as long as there are connections."""
        super().handle_exit(sig, frame)
        gevent.spawn_later(_FAREWELL, self._end_idle_connections)

    def _end_idle_connections(self) -> None:
        for client in self._clients:
            client.end_if_idle()

    def handle_error(self, req: object, client: Any, addr: object, exc: BaseException) -> None:  # noqa: ANN401, ARG002
        """Answer what never became a request, or what escaped from the application."""
        status = _status_of(exc)
        call_id = str(uuid4())
        known = {"call_id": call_id, "error": type(exc).__name__, "status": status}
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request_refused", **known, at=frames(exc))
        else:
            log.warning("request_refused", **known)
        with suppress(OSError):
            client.sendall(_raw_response(status, call_id))


def _status_of(error: BaseException) -> HTTPStatus:
    match error:
        case LimitRequestLine():
            return HTTPStatus.REQUEST_URI_TOO_LONG
        case LimitRequestHeaders():
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        case ParseException():
            return HTTPStatus.BAD_REQUEST
        case gevent.GreenletExit():  # the worker ends
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def _raw_response(status: HTTPStatus, call_id: str) -> bytes:
    body = json.dumps({**Problem(status).body, "traceId": call_id}, ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        f"{CALL_ID}: {call_id}",
        *(["Retry-After: 1"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
        *(f"{name}: {value}" for name, value in SECURITY_HEADERS.items()),
    )
    return "\r\n".join((*head, "", "")).encode() + body
