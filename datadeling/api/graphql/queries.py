"""What answers each query of the schema: a lookup, with its record."""

import re
from typing import Any

import msgspec
from flask import g

from datadeling.api.graphql.errors import FETCHING, Refused
from datadeling.api.graphql.schema import Info, schema
from datadeling.api.graphql.selection import selected
from datadeling.api.security.context import audit_context
from datadeling.api.services import services
from datadeling.api.v1.avtaler import is_avtale_id
from datadeling.domain.search import Search
from datadeling.domain.verdier import AVTALE_STATUS

MOST_AVTALER = 10_000
"""In one answer."""

_ELEVEN_DIGITS = re.compile(r"[0-9]{11}", re.ASCII)
_TOO_MANY = f"Det er flere enn {MOST_AVTALER} avtaler. Bruk et smalere kriterium, eller sidene i REST."


def _for_person(_: object, info: Info, personnummer: str | None = None) -> Any:  # noqa: ANN401
    if personnummer is None or not _ELEVEN_DIGITS.fullmatch(personnummer):
        raise Refused("personnummer må være nøyaktig elleve siffer.")
    return _list(info, Search(identer=[personnummer]))


def _for_bedrift(_: object, info: Info, organisasjonsnummer: str | None = None) -> Any:  # noqa: ANN401
    if organisasjonsnummer is None or "\0" in organisasjonsnummer:
        raise Refused("organisasjonsnummer mangler, eller er ikke en tekst.")
    return _list(info, Search(bedrift_nr=organisasjonsnummer))


def _for_tiltakstype(_: object, info: Info, tiltakstype: str | None = None) -> Any:  # noqa: ANN401
    if tiltakstype is None:
        raise Refused("tiltakstype mangler.")
    return _list(info, Search(tiltakstype=tiltakstype))


def _for_status(_: object, info: Info, status: str | None = None) -> Any:  # noqa: ANN401
    if status is None:
        raise Refused("status mangler.")
    return _list(info, Search(avtale_status=AVTALE_STATUS[status]))


def _one(
    _: object,
    info: Info,
    avtaleId: str | None = None,  # noqa: N803 (as in the query)
    avtaleNr: int | None = None,  # noqa: N803
) -> Any:  # noqa: ANN401
    if avtaleId is None and avtaleNr is None:
        raise Refused("avtaleId eller avtaleNr mangler.")
    if avtaleId is not None and not is_avtale_id(avtaleId):
        raise Refused("avtaleId må være en UUID.")
    return next(iter(_list(info, Search(avtale_id=avtaleId, avtale_nr=avtaleNr))), None)


def _list(info: Info, search: Search) -> list[Any]:
    """The avtaler, as objects with the fields that were asked for."""
    parts, search = services(), search._replace(numbered=True)
    felter = selected(info)
    parts.access.criteria(search)
    parts.access.require(felter)
    g.felter = tuple(dict.fromkeys((*g.get("felter", ()), *felter)))
    who = audit_context()
    who = who._replace(endpoint=f"{who.endpoint} {info.field_name}")
    answer = parts.lookups.listed(who, search, felter, MOST_AVTALER)
    if answer is None:
        raise Refused(_TOO_MANY, FETCHING)
    found: list[Any] = msgspec.json.decode(answer)
    return found


SCHEMA = schema(
    {
        "avtalerForPerson": _for_person,
        "avtalerForBedrift": _for_bedrift,
        "avtale": _one,
        "avtalerForTiltakstype": _for_tiltakstype,
        "avtalerForStatus": _for_status,
    }
)
"""The schema with the function that resolves each query."""
