"""What answers each query of the schema: a lookup, with its record."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from flask import g

from datadeling.api.graphql.errors import FETCHING, Refused
from datadeling.api.graphql.schema import Info, Resolver
from datadeling.api.graphql.selection import selected
from datadeling.api.security.access import Access
from datadeling.api.security.purpose import audit_context
from datadeling.api.v1.avtaler import UUID
from datadeling.db.lookups import Lookups
from datadeling.domain.search import Search
from datadeling.domain.verdier import AVTALE_STATUS

MOST_AVTALER = 10_000
"""In one answer."""

_ELEVEN_DIGITS = re.compile(r"[0-9]{11}", re.ASCII)
_TOO_MANY = f"Det er flere enn {MOST_AVTALER} avtaler. Bruk et smalere kriterium, eller sidene i REST."


class Queries:
    """The queries, over the lookups, for consumers that may have what they ask for."""

    def __init__(self, lookups: Lookups, access: Access) -> None:
        self._lookups = lookups
        self._access = access

    def resolvers(self) -> Mapping[str, Resolver]:
        """By name of the query. They raise `Refused`, `Problem` or what `Lookups` raises."""
        return {
            "avtalerForPerson": self._for_person,
            "avtalerForBedrift": self._for_bedrift,
            "avtale": self._one,
            "avtalerForTiltakstype": self._for_tiltakstype,
            "avtalerForStatus": self._for_status,
        }

    def _for_person(self, _: object, info: Info, personnummer: str | None = None) -> Any:  # noqa: ANN401
        if personnummer is None or not _ELEVEN_DIGITS.fullmatch(personnummer):
            raise Refused("personnummer må være nøyaktig elleve siffer.")
        return self._list(info, Search(identer=[personnummer]))

    def _for_bedrift(self, _: object, info: Info, organisasjonsnummer: str | None = None) -> Any:  # noqa: ANN401
        if organisasjonsnummer is None or "\0" in organisasjonsnummer:
            raise Refused("organisasjonsnummer mangler, eller er ikke en tekst.")
        return self._list(info, Search(bedrift_nr=organisasjonsnummer))

    def _for_tiltakstype(self, _: object, info: Info, tiltakstype: str | None = None) -> Any:  # noqa: ANN401
        if tiltakstype is None:
            raise Refused("tiltakstype mangler.")
        return self._list(info, Search(tiltakstype=tiltakstype))

    def _for_status(self, _: object, info: Info, status: str | None = None) -> Any:  # noqa: ANN401
        if status is None:
            raise Refused("status mangler.")
        return self._list(info, Search(avtale_status=AVTALE_STATUS[status]))

    def _one(
        self,
        _: object,
        info: Info,
        avtaleId: str | None = None,  # noqa: N803 (as in the query)
        avtaleNr: int | None = None,  # noqa: N803
    ) -> Any:  # noqa: ANN401
        if avtaleId is None and avtaleNr is None:
            raise Refused("avtaleId eller avtaleNr mangler.")
        if avtaleId is not None and not UUID.fullmatch(avtaleId):
            raise Refused("avtaleId må være en UUID.")
        return next(iter(self._list(info, Search(avtale_id=avtaleId, avtale_nr=avtaleNr))), None)

    def _list(self, info: Info, search: Search) -> list[Any]:
        """The avtaler, as objects with the fields that were asked for."""
        search = search._replace(numbered=True)
        felter = selected(info)
        self._access.criteria(search)
        self._access.require(felter)
        g.felter = tuple(dict.fromkeys((*g.get("felter", ()), *felter)))
        who = audit_context()
        who = who._replace(endpoint=f"{who.endpoint} {info.field_name}")
        answer = self._lookups.listed(who, search, felter, MOST_AVTALER)
        if answer is None:
            raise Refused(_TOO_MANY, FETCHING)
        found: list[Any] = msgspec.json.decode(answer)
        return found
