"""The id of each call, and the headers of every answer.

The id is taken from the caller when it is well-formed, else created. It is in every log line, answer
and record of a lookup.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import g, has_request_context, request
from structlog.typing import EventDict, WrappedLogger

CALL_ID = "Nav-Call-Id"

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",  # answers hold personal data: nobody on the way keeps them
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""Headers for browsers and caches that every answer has, also an answer to what never became a request."""

_ACCEPTED = ("HTTP_NAV_CALL_ID", "HTTP_NAV_CALLID", "HTTP_X_CORRELATION_ID")  # as WSGI names the headers
_CALL_ID = "datadeling.call_id"
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_PERSON = re.compile(r"(?<!\d)\d{6}[.:_-]?\d{5}(?!\d)", re.ASCII)  # also in two parts, as people write it
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


class CommonHeaders:
    """WSGI middleware: gives each call an id, and adds it and the security headers to its answer."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request. A security header that the answer has set itself stays."""
        call_id = set_call_id(environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401
            missing = {CALL_ID: call_id, **SECURITY_HEADERS}
            for name, _ in headers:
                missing.pop(name, None)
            return start_response(status, [*headers, *missing.items()], exc_info)

        return self._application(environ, start)


def set_call_id(environ: WSGIEnvironment) -> str:
    """Leave the id of a call in its environment, and return it.

    An id that looks like an identity number is replaced: it goes into logs and answers.
    """
    for header in _ACCEPTED:
        value = environ.get(header)
        # A UUID can have eleven digits in a row by chance.
        if value and _WELL_FORMED.fullmatch(value) and (not _PERSON.search(value) or _UUID.fullmatch(value)):
            break
    else:
        value = str(uuid4())
    environ[_CALL_ID] = value
    return str(value)


def call_id() -> str:
    """Return the id of the call at hand."""
    value: str = request.environ[_CALL_ID]
    return value


def add_call(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the call id and the client's id to a log event. A processor for structlog."""
    if not has_request_context():
        return event
    caller = g.get("caller")
    return {"call_id": call_id(), **({"consumer": caller.consumer} if caller else {}), **event}
