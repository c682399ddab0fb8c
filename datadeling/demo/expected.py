"""The answer expected of the API about a person, computed from the events without the package's own code."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

Hendelse = Mapping[str, Any]

_FELTER = ("avtaleId", "avtaleNr", "tiltakstype", "startDato", "sluttDato", "antallDagerPerUke", "bedriftNr")


class Person(NamedTuple):
    """A synthetic person and the newest event of each of the person's avtaler."""

    fnr: str
    avtaler: Sequence[Hendelse]


def interesting_person(siste: Mapping[str, Hendelse], today: date) -> Person:
    """Return the person with most lists that are not empty in the answer, then with most avtaler in them."""
    avtaler: defaultdict[str, list[Hendelse]] = defaultdict(list)
    for hendelse in siste.values():
        if hendelse["deltakerFnr"]:
            avtaler[hendelse["deltakerFnr"]].append(hendelse)

    def interest(person: Person) -> tuple[int, int]:
        lists = [value for value in expected_answer(person, today).values() if isinstance(value, list)]
        return sum(map(bool, lists)), sum(map(len, lists))

    return max((Person(*item) for item in sorted(avtaler.items())), key=interest)


def expected_answer(person: Person, today: date) -> dict[str, Any]:
    """Return the answer of `POST /api/v1/tiltaksstatus` on this day."""
    lists: dict[str, list[dict[str, Any]]] = {"naavaerende": [], "kommende": [], "tidligere": []}
    for hendelse in sorted(person.avtaler, key=lambda h: (h["startDato"] or "", h["avtaleId"])):
        if (
            hendelse["avtaleInngått"]
            and hendelse["startDato"]
            and hendelse["avtaleStatus"] not in {"ANNULLERT", "AVBRUTT"}
            and not hendelse["feilregistrert"]
            and not hendelse["slettemerket"]
        ):
            when, days = _when_and_how_long(hendelse, today)
            mentor = hendelse["tiltakstype"] == "MENTOR"
            prosent = None if mentor else hendelse["stillingprosent"]
            felter = {felt: hendelse[felt] for felt in _FELTER}
            lists[when].append(felter | {"varighetDager": days, "stillingprosent": prosent})
    count = len(lists["naavaerende"])
    return {"paaTiltak": count > 0, "antall": count, **lists}


def _when_and_how_long(hendelse: Hendelse, today: date) -> tuple[str, int | None]:
    start = date.fromisoformat(hendelse["startDato"])
    slutt = date.fromisoformat(hendelse["sluttDato"]) if hendelse["sluttDato"] else None
    days = ((slutt or today) - start).days + 1
    if start > today:
        return "kommende", days if slutt else None
    return "tidligere" if slutt and slutt < today else "naavaerende", days
