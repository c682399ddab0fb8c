"""The answer expected of the API about a person, computed from the events without the package's own code."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

Hendelse = Mapping[str, Any]

_FELTER = ("avtaleId", "avtaleNr", "tiltakstype", "startDato", "sluttDato")


class Person(NamedTuple):
    """A synthetic person and the newest event of each of the person's avtaler."""

    fnr: str
    avtaler: list[Hendelse]


def interesting_person(siste: Mapping[str, Hendelse], today: date) -> Person:
    """Return the person with most lists that are not empty, then with most avtaler in them."""
    avtaler: defaultdict[str, list[Hendelse]] = defaultdict(list)
    for hendelse in siste.values():
        if hendelse["deltakerFnr"]:
            avtaler[hendelse["deltakerFnr"]].append(hendelse)
    people = [Person(fnr, theirs) for fnr, theirs in sorted(avtaler.items())]
    return max(people, key=lambda person: _interest(person, today))


def _interest(person: Person, today: date) -> tuple[int, int, int]:
    answer = expected_answer(person, today)
    lists = [answer[when] for when in ("naavaerende", "kommende", "tidligere")]
    return sum(map(bool, lists)), sum(map(len, lists)), -len(person.avtaler)


def expected_answer(person: Person, today: date) -> dict[str, Any]:
    """Return the answer of `POST /api/v1/tiltaksstatus` on this day."""
    lists: dict[str, list[dict[str, Any]]] = {"naavaerende": [], "kommende": [], "tidligere": []}
    for hendelse in sorted(person.avtaler, key=lambda h: (h["startDato"] or "", h["avtaleId"])):
        if _counts(hendelse):
            when = _when(hendelse, today)
            lists[when].append(_tiltak(hendelse, when, today))
    count = len(lists["naavaerende"])
    return {"paaTiltak": count > 0, "antall": count, **lists}


def _counts(hendelse: Hendelse) -> bool:
    return bool(
        hendelse["avtaleInngått"]
        and hendelse["startDato"]
        and hendelse["avtaleStatus"] not in {"ANNULLERT", "AVBRUTT"}
        and not hendelse["feilregistrert"]
        and not hendelse["slettemerket"]
    )


def _when(hendelse: Hendelse, today: date) -> str:
    if hendelse["startDato"] > today.isoformat():
        return "kommende"
    if hendelse["sluttDato"] and hendelse["sluttDato"] < today.isoformat():
        return "tidligere"
    return "naavaerende"


def _tiltak(hendelse: Hendelse, when: str, today: date) -> dict[str, Any]:
    start = date.fromisoformat(hendelse["startDato"])
    end = date.fromisoformat(hendelse["sluttDato"]) if hendelse["sluttDato"] else today
    is_open_and_to_come = when == "kommende" and not hendelse["sluttDato"]
    mentor = hendelse["tiltakstype"] == "MENTOR"
    return {felt: hendelse[felt] for felt in _FELTER} | {
        "varighetDager": None if is_open_and_to_come else max(0, (end - start).days + 1),
        "stillingprosent": None if mentor else hendelse["stillingprosent"],
        "antallDagerPerUke": hendelse["antallDagerPerUke"],
        "bedriftNr": hendelse["bedriftNr"],
    }
