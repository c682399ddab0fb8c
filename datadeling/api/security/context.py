"""The purposes of a call, its route, and its audit context.

Purposes are numbers of NAV's Behandlingskatalog: `B` and three digits.
"""

import re
from functools import lru_cache

from flask import g, request

from datadeling.api.headers import call_id
from datadeling.api.problems import Problem
from datadeling.domain.search import AuditContext

PURPOSE = "Behandlingsnummer"

_PURPOSE_HEADER = "HTTP_BEHANDLINGSNUMMER"
_PURPOSES = re.compile(r"\s*B\d{3}\s*(,\s*B\d{3}\s*)*", re.ASCII | re.IGNORECASE)
_LONGEST_PURPOSES = 200  # characters


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
        call_id(), caller.consumer, caller.name, caller.nav_ident, g.behandlingsnummer, endpoint
    )
