"""Lookups as the API makes them, without HTTP."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from time import sleep
from unittest.mock import patch

from datadeling.api.v1.avtale import TILTAK
from datadeling.db import coalesce
from datadeling.db.lookups import Lookups
from datadeling.domain.felt import FELTER
from datadeling.domain.search import AuditContext, Search

CONTEXT = AuditContext("call-1", "client-1", "team:client", None, ("B123",), "POST /test")


def status(lookups: Lookups, identer: list[str], dato: date) -> str:
    return lookups.tiltaksstatus(CONTEXT, identer, dato, TILTAK, None)


def search(lookups: Lookups, identer: list[str]) -> str:
    return lookups.search(CONTEXT, Search(identer=identer), FELTER, 100)


def find(lookups: Lookups, avtale_id: str) -> str | None:
    return lookups.find(CONTEXT, Search(avtale_id=avtale_id), FELTER)


def look_up_together(lookups: Lookups, calls: Sequence[Callable[[], object]]) -> list[object]:
    """Return the answers of calls that wait for a leader at the same time: those alike share a statement."""
    coalescer = lookups._coalescer
    coalescer._leaders = coalesce._LEADERS  # as if all of them were busy
    with patch.object(coalesce, "_TIMEOUT", 60.0), ThreadPoolExecutor(len(calls)) as pool:
        answers = [pool.submit(call) for call in calls]
        while len(coalescer._waiting) + sum(answer.done() for answer in answers) < len(calls):
            sleep(0.001)
        coalescer._leaders = 1
        coalescer._hand_on()
        return [answer.result() for answer in answers]
