"""A synthetic avtale and its life: status, dates and times that agree with one another. Pure."""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from datadeling.demo.synthetic.draws import (
    between,
    chance,
    digits,
    instant,
    navident,
    ny_id,
    oslo_time,
    pick,
    syntetisk_fnr,
)

Felter = dict[str, Any]

# Examples of the fields that are not shared, by group. They give messages their real shape and size.
_EXAMPLES: dict[str, list[Felter]] = msgspec.json.decode((files(__package__) / "fields.json").read_bytes())

# How often each occurs, in per cent, as on a real topic at rest.
_STATUSER = {
    "AVSLUTTET": 50.0,
    "PÅBEGYNT": 33.0,
    "MANGLER_GODKJENNING": 10.0,
    "ANNULLERT": 3.5,
    "GJENNOMFØRES": 2.5,
    "KLAR_FOR_OPPSTART": 1.0,
}
_TILTAKSTYPER = {
    "ARBEIDSTRENING": 38.0,
    "MIDLERTIDIG_LONNSTILSKUDD": 24.0,
    "SOMMERJOBB": 10.0,
    "MENTOR": 9.0,
    "INKLUDERINGSTILSKUDD": 7.0,
    "VARIG_LONNSTILSKUDD": 7.0,
    "VTAO": 3.0,
    "FIREARIG_LONNSTILSKUDD": 2.0,
}
_STATUS_CUM = list(accumulate(_STATUSER.values()))
_TYPE_CUM = list(accumulate(_TILTAKSTYPER.values()))
_INNGAATT = frozenset({"AVSLUTTET", "GJENNOMFØRES", "KLAR_FOR_OPPSTART"})
_UTEN_SLUTT = frozenset({"VTAO", "VARIG_LONNSTILSKUDD"})
_MED_LONN = frozenset(
    {"MIDLERTIDIG_LONNSTILSKUDD", "VARIG_LONNSTILSKUDD", "SOMMERJOBB", "FIREARIG_LONNSTILSKUDD"}
)
# 19 % of all avtaler have no dates, and these are the ones that have just been begun.
_UTEN_DATOER = 19 / _STATUSER["PÅBEGYNT"]

_GODKJENNING = ("godkjentAvDeltaker", "godkjentAvArbeidsgiver", "godkjentAvVeileder")
_GODKJENNING_FELTER = (
    *_GODKJENNING, "godkjentAvBeslutter", "avtaleInngått", "ikrafttredelsestidspunkt", "godkjentAvNavIdent",
    "godkjentAvBeslutterNavIdent", "godkjentTaushetserklæringAvMentor",
)  # fmt: skip
_PROSENTER = [Decimal(p) for p in ("100", "100", "100", "50", "80", "60", "37.5", "50.00", "33.33", "12.5")]
_DAGER = [Decimal(d) for d in ("5", "5", "5", "3", "4", "2", "2.5", "1", "4.50")]
_ANNULLERT_GRUNN = ("Feilregistrering", "Ikke møtt", "Syk", "Begynt i arbeid")


@dataclass(slots=True)
class Avtale:
    """The fields of the next message about an avtale, and its state. Times are in UTC."""

    felter: Felter
    status: str
    """The status on the day of reference; earlier messages may have had another one."""
    endret: datetime
    """`sistEndret` to the second."""
    naa: datetime
    """Nothing happens later than this."""


class _Periode(NamedTuple):
    opprettet: datetime
    endret: datetime
    start: date | None
    slutt: date | None


def ny_avtale(rng: random.Random, nr: int, fnr: str, bedrift_nr: str, referansedato: date) -> Avtale:
    """Return an avtale as it is on the day of reference; `nr` is its avtaleNr, where it has one."""
    status = rng.choices(list(_STATUSER), cum_weights=_STATUS_CUM)[0]
    tiltakstype = rng.choices(list(_TILTAKSTYPER), cum_weights=_TYPE_CUM)[0]
    naa = datetime.combine(referansedato, time())
    periode = _periode(rng, status, tiltakstype, naa)
    has_dates = periode.start is not None
    has_wages = has_dates and tiltakstype in _MED_LONN
    felt: Felter = {
        "avtaleId": ny_id(rng),
        "avtaleNr": None if chance(rng, 0.03) else nr,
        "versjon": 1 + int(rng.expovariate(2)),
        "deltakerFnr": None if chance(rng, 0.005) else fnr,
        "deltakerTlf": f"000{digits(rng, 5)}",  # no telephone number begins with 0
        "arbeidsgiverKontonummer": f"0000{digits(rng, 7)}" if chance(rng, 0.4) else None,
        "mentorFnr": syntetisk_fnr(rng) if tiltakstype == "MENTOR" else None,
        "bedriftNr": bedrift_nr,
        "veilederNavIdent": navident(rng),
        "slettemerket": False,
        "avtaleStatus": status,
        "tiltakstype": tiltakstype,
        "opprettetTidspunkt": oslo_time(rng, periode.opprettet),
        "sistEndret": instant(rng, periode.endret),
        "startDato": periode.start,
        "sluttDato": periode.slutt,
        "stillingprosent": pick(rng, _PROSENTER) if has_dates else None,
        "antallDagerPerUke": pick(rng, _DAGER) if has_dates else None,
        "stillingstype": pick(rng, ("FAST", "MIDLERTIDIG")) if has_wages else None,
    }
    felt |= _approvals(rng, status, tiltakstype, felt["veilederNavIdent"], periode)
    felt |= _example(rng, "alltid")
    felt |= _example(rng, "stilling", known=has_dates)
    felt |= _example(rng, "lonn", known=has_wages)
    felt |= _example(rng, "mentor", known=tiltakstype == "MENTOR")
    felt |= _example(rng, "inkludering" if tiltakstype == "INKLUDERINGSTILSKUDD" else "uten_inkludering")
    felt |= _example(rng, "tekster" if has_dates else "uten_tekster")
    if chance(rng, 0.07):
        felt["opphav"] = pick(rng, ("VEILEDER", "VEILEDER", "ARBEIDSGIVER", "ARENA"))
        felt["forkortetGrunn"] = pick(rng, (None, "Begynt i arbeid", "Syk"))
    return Avtale(felt, status, periode.endret, naa)


def rediger(rng: random.Random, avtale: Avtale, innhold_type: str) -> None:
    """Edit the avtale, later than its last edit; its status stays right on the day of reference."""
    felt = avtale.felter
    left = (avtale.naa - avtale.endret).total_seconds()
    avtale.endret += timedelta(seconds=max(1, int(left * 0.3 * rng.random())))
    felt["sistEndret"] = instant(rng, avtale.endret)
    felt["stillingprosent"] = pick(rng, _PROSENTER)
    slutt = felt["sluttDato"]
    if slutt is None:
        return
    if innhold_type == "FORLENGE" and avtale.status == "GJENNOMFØRES":
        felt["sluttDato"] = slutt + timedelta(days=between(rng, 7, 90))
    elif innhold_type == "FORKORTE" and avtale.status == "AVSLUTTET":
        felt["sluttDato"] = max(felt["startDato"], slutt - timedelta(days=between(rng, 1, 10)))


def _approvals(rng: random.Random, status: str, tiltakstype: str, veileder: str, periode: _Periode) -> Felter:
    """Return approvals and cancellation, in order, between its creation and its last edit."""
    tidspunkt = periode.opprettet

    def next_time() -> datetime:
        nonlocal tidspunkt
        tidspunkt += (periode.endret - tidspunkt) * (0.4 * rng.random())
        return tidspunkt

    inngaatt = status in _INNGAATT or (status == "ANNULLERT" and chance(rng, 0.6))
    approvals = between(rng, 0, 2) if status == "MANGLER_GODKJENNING" else 0
    felt: Felter = dict.fromkeys(_GODKJENNING_FELTER) | {
        "godkjentPaVegneAv": False,
        "godkjentPaVegneAvArbeidsgiver": False,
        "annullertTidspunkt": None,
        "annullertGrunn": None,
        "feilregistrert": False,
    }
    for name in _GODKJENNING[: 3 if inngaatt else approvals]:
        felt[name] = oslo_time(rng, next_time())
    if inngaatt:
        felt["godkjentAvNavIdent"] = veileder
        if chance(rng, 0.3):
            felt["godkjentAvBeslutter"] = oslo_time(rng, next_time())
            felt["godkjentAvBeslutterNavIdent"] = navident(rng)
        felt["avtaleInngått"] = felt["ikrafttredelsestidspunkt"] = oslo_time(rng, next_time())
        felt["godkjentPaVegneAv"] = chance(rng, 0.12)
        felt["godkjentPaVegneAvArbeidsgiver"] = chance(rng, 0.03)
    if tiltakstype == "MENTOR":
        felt["godkjentTaushetserklæringAvMentor"] = oslo_time(rng, next_time())
    if status == "ANNULLERT":
        felt["annullertTidspunkt"] = instant(rng, next_time())
        felt["annullertGrunn"] = pick(rng, _ANNULLERT_GRUNN)
        felt["feilregistrert"] = felt["annullertGrunn"] == "Feilregistrering"
    return felt


def _example(rng: random.Random, group: str, *, known: bool = True) -> Felter:
    """Return one of the examples of a group; every field is None where they are not `known`."""
    examples = _EXAMPLES[group]
    return pick(rng, examples) if known else dict.fromkeys(examples[0])


def _periode(rng: random.Random, status: str, tiltakstype: str, naa: datetime) -> _Periode:
    start, slutt = _datoer(rng, status, tiltakstype, naa.date())
    before = timedelta(days=between(rng, 3, 60 if start else 900), seconds=int(rng.random() * 86_400))
    opprettet = datetime.combine(start or naa, time()) - before
    # An avtale for the future was created in the past.
    opprettet = min(opprettet, naa - timedelta(days=2, seconds=int(rng.random() * 20 * 86_400)))
    worked_on = int((naa - opprettet).total_seconds() * 0.5 * rng.random())
    return _Periode(opprettet, opprettet + timedelta(seconds=worked_on), start, slutt)


def _datoer(
    rng: random.Random, status: str, tiltakstype: str, idag: date
) -> tuple[date, date | None] | tuple[None, None]:
    def days(first: int, last: int) -> timedelta:
        return timedelta(days=between(rng, first, last))

    match status:
        case "AVSLUTTET":
            slutt = idag - days(1, 1_000)
            return slutt - days(14, 720), slutt
        case "GJENNOMFØRES":
            without_end = tiltakstype in _UTEN_SLUTT and chance(rng, 0.3)
            return idag - days(0, 250), None if without_end else idag + days(0, 300)
        case "PÅBEGYNT" if chance(rng, _UTEN_DATOER):
            return None, None
        case _:
            start = idag + days(1 if status == "KLAR_FOR_OPPSTART" else -300, 90)
            return start, start + days(14, 365)
