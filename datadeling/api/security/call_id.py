"""One id per call: taken from the caller when it is well-formed, else made; in every log line and answer."""

import re
from random import getrandbits
from uuid import UUID

from flask import Flask, Response, g, has_request_context, request
from structlog.typing import EventDict, WrappedLogger

HEADER = "Nav-Call-Id"
_ACCEPTED = ("HTTP_NAV_CALL_ID", "HTTP_NAV_CALLID", "HTTP_X_CORRELATION_ID")  # as WSGI has them
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_PERSON = re.compile(r"(?<!\d)\d{6}[.:_-]?\d{5}(?!\d)", re.ASCII)  # also in two parts, as people write it
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


def register(app: Flask) -> None:
    """Send every call its id back, as `Nav-Call-Id`."""
    app.after_request(_echo)


def noted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """For structlog: what is logged for a call says which one it is, and who calls once that is known."""
    if not has_request_context():
        return event
    caller = g.get("caller")
    return {"call_id": current(), **({"consumer": caller.consumer} if caller else {}), **event}


def current() -> str:
    """The id of the call that is being answered."""
    call_id: str | None = g.get("call_id")
    if call_id is None:
        g.call_id = call_id = _given() or _made()
    return call_id


def _given() -> str | None:
    """The first that can be used."""
    for name in _ACCEPTED:
        value: str | None = request.environ.get(name)
        if value is not None and _is_usable(value):
            return value
    return None


def _made() -> str:
    """One of our own. It is no secret: bits from the kernel would take 30 µs, an eighth of a lookup.

    Python seeds the generator anew in each process that is forked.
    """
    return str(UUID(int=getrandbits(128), version=4))


def _is_usable(value: str) -> bool:
    """Well-formed, and nobody's identity number: the id goes into the log and into every answer.

    A UUID can have eleven digits in a row by chance.
    """
    return _WELL_FORMED.fullmatch(value) is not None and (
        _PERSON.search(value) is None or _UUID.fullmatch(value) is not None
    )


def _echo(response: Response) -> Response:
    response.headers[HEADER] = current()
    return response
