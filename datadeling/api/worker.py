"""gunicorn's gevent worker with two differences: our error answers, and a time limit for each request."""

import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import gevent
import structlog
from gevent.socket import SHUT_RDWR
from gevent.socket import socket as Socket  # noqa: N812 (a class)
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException  # type: ignore[import-untyped]
from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from datadeling.api.hooks import SECURITY_HEADERS
from datadeling.api.problems import MEDIA_TYPE, Problem
from datadeling.log import frames

_LONGEST_REQUEST = 10.0  # seconds from the first byte of a request to the last byte of its answer

log = structlog.get_logger(__name__)


class _ClientSocket(Socket):
    """A client's connection that raises `gevent.Timeout` when a request takes too long.

    The limit starts with the first byte of a request, so an idle connection costs nothing but its greenlet.
    """

    _limit: gevent.Timeout | None = None

    def recv(self, *args: Any) -> bytes:  # noqa: ANN401 (the arguments of socket.recv)
        """Receive as a socket does, and start the limit with the first byte."""
        data: bytes = super().recv(*args)
        if data:
            self.start_limit()
        return data

    def start_limit(self) -> None:
        """Start the limit unless it runs."""
        if self._limit is None:
            self._limit = gevent.Timeout.start_new(_LONGEST_REQUEST)

    def stop_limit(self) -> None:
        """Stop the limit: the request has been answered, or its connection is closed."""
        if self._limit is not None:
            self._limit.close()
            self._limit = None


class Worker(GeventWorker):  # type: ignore[misc]
    """A worker process: one greenlet for each connection."""

    def handle(self, listener: Socket, client: Socket, addr: object) -> None:
        """Serve one connection until it ends."""
        ours = _ClientSocket(client.family, client.type, client.proto, client.detach())
        try:
            super().handle(listener, ours, addr)
        finally:
            ours.stop_limit()

    def handle_request(self, listener_name: object, req: object, sock: _ClientSocket, addr: object) -> None:
        """Answer one request. What a client sent ahead of time is limited from here on."""
        sock.start_limit()
        super().handle_request(listener_name, req, sock, addr)
        sock.stop_limit()

    def handle_error(self, req: object, client: Socket, addr: object, exc: BaseException) -> None:  # noqa: ARG002
        """Answer what never became a request, or what escaped from the application.

        gunicorn's own answer and log line quote what was sent. A request that took too long gets no answer:
        part of one may have been sent.
        """
        with suppress(OSError):
            if isinstance(exc, gevent.Timeout):
                client.shutdown(SHUT_RDWR)
                return
            status, call_id = _status_of(exc), str(uuid4())
            if status == HTTPStatus.INTERNAL_SERVER_ERROR:
                log.error("request_failed", call_id=call_id, error=type(exc).__name__, at=frames(exc))
            else:
                log.warning("request_refused", call_id=call_id, error=type(exc).__name__, status=status)
            client.sendall(_error_answer(status, call_id))


def _status_of(error: BaseException) -> HTTPStatus:
    match error:
        case LimitRequestLine():
            return HTTPStatus.REQUEST_URI_TOO_LONG
        case LimitRequestHeaders():
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        case ParseException():
            return HTTPStatus.BAD_REQUEST
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def _error_answer(status: HTTPStatus, call_id: str) -> bytes:
    body = json.dumps({**Problem(status).body, "traceId": call_id}, ensure_ascii=False).encode()
    headers = {
        "Connection": "close",
        "Content-Type": MEDIA_TYPE,
        "Content-Length": len(body),
        "Nav-Call-Id": call_id,
        **SECURITY_HEADERS,
    }
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode() + body
