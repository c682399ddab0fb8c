"""Ask the lookups as the API does, without HTTP."""

from datetime import date

from datadeling.api.v1.responses import TILTAK
from datadeling.db.lookups import Lookups
from datadeling.domain.felt import FELTER
from datadeling.domain.search import AuditContext, Search

ASKER = AuditContext("call-1", "client-1", "team:client", None, ("B123",), "POST /test")


def status(lookups: Lookups, identer: list[str], dato: date) -> str:
    return lookups.tiltaksstatus(ASKER, identer, dato, TILTAK, None)


def search(lookups: Lookups, identer: list[str]) -> str:
    return lookups.search(ASKER, Search(identer=identer), FELTER, 100)


def find(lookups: Lookups, avtale_id: str) -> str | None:
    return lookups.find(ASKER, Search(avtale_id=avtale_id), FELTER)
