"""For which purposes somebody asks, and who asks: the header `Behandlingsnummer`, and the record.

Numbers are those of processings in NAV's Behandlingskatalog: `B` and three digits.
"""

import re
from functools import lru_cache

from flask import g, request

from datadeling.api.problems import Problem
from datadeling.api.security import call_id
from datadeling.api.security.tokens import Caller
from datadeling.domain.search import AuditContext

HEADER = "Behandlingsnummer"
_IN_ENVIRON = "HTTP_BEHANDLINGSNUMMER"  # as WSGI has it
_NUMBERS = re.compile(r"\s*B\d{3}\s*(,\s*B\d{3}\s*)*", re.ASCII | re.IGNORECASE)
_MOST = 200  # characters


def require_purpose() -> None:
    """For `before_request`: raise `Problem` 400 for a lookup without a purpose."""
    given = request.environ.get(_IN_ENVIRON)
    if given is None or not given.strip():
        detail = "Headeren Behandlingsnummer mangler: B og tre siffer, flere med komma mellom."
        raise Problem(400, kode="MANGLER_BEHANDLINGSNUMMER", detail=detail)
    numbers = _numbers(given)
    if not numbers:
        detail = "Headeren Behandlingsnummer må være B og tre siffer, flere med komma mellom."
        raise Problem(400, kode="UGYLDIG_BEHANDLINGSNUMMER", detail=detail)
    g.behandlingsnummer = numbers


def note_purpose() -> None:
    """For `before_request`: keep the purposes when they are there and can be read."""
    g.behandlingsnummer = _numbers(request.environ.get(_IN_ENVIRON, ""))


def audit_context() -> AuditContext:
    """What the record of the lookup at hand says of who asks. The caller and the purpose must be known."""
    caller: Caller = g.caller
    return AuditContext(
        call_id=call_id.current(),
        consumer=caller.consumer,
        consumer_name=caller.name,
        nav_ident=caller.nav_ident,
        behandlingsnummer=g.behandlingsnummer,
        endpoint=f"{request.method} {route()}",
    )


def route() -> str:
    """The route of the call at hand, as OpenAPI writes it; never its address."""
    rule = request.url_rule
    return _as_template(rule.rule) if rule else ""


@lru_cache
def _as_template(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")


def _numbers(given: str) -> tuple[str, ...]:
    """In upper case, each once, in the order given; none when it is not a list of them."""
    if len(given) > _MOST or not _NUMBERS.fullmatch(given):
        return ()
    return tuple(dict.fromkeys(number.strip().upper() for number in given.split(",")))
