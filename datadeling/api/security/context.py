"""The context of a call: its id, its purpose, its route; in every log line, answer and record of a lookup.

The id is taken from the caller when it is well-formed, else created. Purposes are numbers of NAV's
Behandlingskatalog: `B` and three digits.
"""

import re
from functools import lru_cache
from uuid import uuid4

from flask import g, has_request_context, request
from structlog.typing import EventDict, WrappedLogger

from datadeling.api.problems import Problem
from datadeling.domain.search import AuditContext

CALL_ID = "Nav-Call-Id"
PURPOSE = "Behandlingsnummer"

_ACCEPTED = ("HTTP_NAV_CALL_ID", "HTTP_NAV_CALLID", "HTTP_X_CORRELATION_ID")  # as WSGI names the headers
_PURPOSE_HEADER = "HTTP_BEHANDLINGSNUMMER"
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_PERSON = re.compile(r"(?<!\d)\d{6}[.:_-]?\d{5}(?!\d)", re.ASCII)  # also in two parts, as people write it
_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_PURPOSES = re.compile(r"\s*B\d{3}\s*(,\s*B\d{3}\s*)*", re.ASCII | re.IGNORECASE)
_LONGEST_PURPOSES = 200  # characters


def set_call_id() -> None:
    """Leave the id of the call in `g`. For `before_request`.

    An id that looks like an identity number is replaced: it goes into logs and answers.
    """
    environ = request.environ
    for header in _ACCEPTED:
        value = environ.get(header, "")
        # A UUID can have eleven digits in a row by chance.
        if _WELL_FORMED.fullmatch(value) and (not _PERSON.search(value) or _UUID.fullmatch(value)):
            g.call_id = value
            return
    g.call_id = str(uuid4())


def add_call(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add the call id and the client's id to a log event. A processor for structlog."""
    if not has_request_context() or "call_id" not in g:
        return event
    caller = g.get("caller")
    return {"call_id": g.call_id, **({"consumer": caller.consumer} if caller else {}), **event}


def required_purpose() -> tuple[str, ...]:
    """Return the purposes of a lookup. Raise `Problem` 400."""
    header = request.environ.get(_PURPOSE_HEADER, "")
    if not header.strip():
        detail = "Headeren Behandlingsnummer mangler: B og tre siffer, flere med komma mellom."
        raise Problem(400, kode="MANGLER_BEHANDLINGSNUMMER", detail=detail)
    if not (purposes := _parse_purposes(header)):
        detail = "Headeren Behandlingsnummer må være B og tre siffer, flere med komma mellom."
        raise Problem(400, kode="UGYLDIG_BEHANDLINGSNUMMER", detail=detail)
    return purposes


def optional_purpose() -> tuple[str, ...]:
    """Return the purposes when there are any that can be read."""
    return _parse_purposes(request.environ.get(_PURPOSE_HEADER, ""))


@lru_cache
def _parse_purposes(header: str) -> tuple[str, ...]:
    """Return purposes in upper case, each once, in their order; none when the header is no list of them."""
    if len(header) > _LONGEST_PURPOSES or not _PURPOSES.fullmatch(header):
        return ()
    return tuple(dict.fromkeys(number.strip().upper() for number in header.split(",")))


def route() -> str:
    """Return the route of the call at hand as OpenAPI writes it, never its address."""
    rule = request.url_rule
    return rule.rule.replace("<", "{").replace(">", "}") if rule else ""


def audit_context() -> AuditContext:
    """Return the record's fields about the present call. `admit_…` must have run before."""
    caller = g.caller
    endpoint = f"{request.method} {route()}"
    return AuditContext(
        g.call_id, caller.consumer, caller.name, caller.nav_ident, g.behandlingsnummer, endpoint
    )
