"""A synthetic avtale and its life: status, dates and times that agree with one another. Pure."""

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import NamedTuple

from datadeling.demo import felter, innhold
from datadeling.demo.parter import Bedrift, Felter, Person, grunnlag, tlf
from datadeling.demo.tider import instant, oslo_time
from datadeling.demo.tilfeldig import between, chance, pick

_STATUSER = list(felter.STATUSER)
_STATUS_CUM = list(accumulate(felter.STATUSER.values()))
_TYPER = list(felter.TILTAKSTYPER)
_TYPE_CUM = list(accumulate(felter.TILTAKSTYPER.values()))
_INNGAATT = frozenset({"AVSLUTTET", "GJENNOMFØRES", "KLAR_FOR_OPPSTART"})
_UTEN_SLUTT = frozenset({"VTAO", "VARIG_LONNSTILSKUDD"})
# 19 % of all avtaler have no dates, and these are the ones that have just been begun.
_UTEN_DATOER = 19 / felter.STATUSER["PÅBEGYNT"]


@dataclass(slots=True)
class Avtale:
    """What the next message about an avtale says, and what its later life depends on. Times are in UTC."""

    felter: Felter
    status: str
    """As it is on the day of reference; earlier messages may have said something else."""
    endret: datetime
    """`sistEndret` to the second."""
    naa: datetime
    """Nothing has happened later than this."""


class _Periode(NamedTuple):
    opprettet: datetime
    endret: datetime
    start: date | None
    slutt: date | None


def ny_avtale(rng: random.Random, nr: int, person: Person, bedrift: Bedrift, referansedato: date) -> Avtale:
    """An avtale as it is on the day of reference; `nr` is its avtaleNr, where it has one."""
    status = rng.choices(_STATUSER, cum_weights=_STATUS_CUM)[0]
    tiltakstype = rng.choices(_TYPER, cum_weights=_TYPE_CUM)[0]
    naa = datetime.combine(referansedato, time())
    periode = _periode(rng, status, tiltakstype, naa)
    kjent = periode.start is not None
    felt = grunnlag(rng, nr, person, bedrift) | {
        "avtaleStatus": status,
        "tiltakstype": tiltakstype,
        "opprettetTidspunkt": oslo_time(rng, periode.opprettet),
        "sistEndret": instant(rng, periode.endret),
        "startDato": periode.start,
        "sluttDato": periode.slutt,
    }
    felt |= _hendelser_underveis(rng, status, tiltakstype, felt["veilederNavIdent"], periode)
    felt |= innhold.stilling(rng, kjent=kjent)
    felt |= innhold.lonn(rng, tilskudd=kjent and tiltakstype in felter.MED_LONNSTILSKUDD)
    felt |= innhold.tekster(rng, kjent=kjent, inkludering=tiltakstype == "INKLUDERINGSTILSKUDD")
    if chance(rng, 0.07):
        felt["opphav"] = pick(rng, felter.OPPHAV)
        felt["forkortetGrunn"] = pick(rng, felter.FORKORTET_GRUNN)
    return Avtale(felt, status, periode.endret, naa)


def rediger(rng: random.Random, avtale: Avtale, innhold_type: str) -> None:
    """Edit the avtale, later than it was edited last; its status stays right on the day of reference."""
    felt = avtale.felter
    left = (avtale.naa - avtale.endret).total_seconds()
    avtale.endret += timedelta(seconds=max(1, int(left * 0.3 * rng.random())))
    felt["sistEndret"] = instant(rng, avtale.endret)
    felt["stillingprosent"] = pick(rng, innhold.PROSENTER)
    felt["arbeidsgiverTlf"] = tlf(rng)
    slutt = felt["sluttDato"]
    if slutt is None:
        return
    if innhold_type == "FORLENGE" and avtale.status == "GJENNOMFØRES":
        felt["sluttDato"] = slutt + timedelta(days=between(rng, 7, 90))
    elif innhold_type == "FORKORTE" and avtale.status == "AVSLUTTET":
        felt["sluttDato"] = max(felt["startDato"], slutt - timedelta(days=between(rng, 1, 10)))


def _hendelser_underveis(
    rng: random.Random, status: str, tiltakstype: str, veileder: str, periode: _Periode
) -> Felter:
    """What has been approved and called off between its making and its last edit."""
    tidspunkt = periode.opprettet

    def neste() -> datetime:
        nonlocal tidspunkt
        tidspunkt += (periode.endret - tidspunkt) * (0.4 * rng.random())
        return tidspunkt

    inngaatt = status in _INNGAATT or (status == "ANNULLERT" and chance(rng, 0.6))
    godkjent = between(rng, 0, 2) if status == "MANGLER_GODKJENNING" else 0
    return (
        innhold.godkjenninger(rng, veileder, neste, inngaatt=inngaatt, antall=godkjent)
        | innhold.mentor(rng, neste() if tiltakstype == "MENTOR" else None)
        | innhold.annullering(rng, neste() if status == "ANNULLERT" else None)
    )


def _periode(rng: random.Random, status: str, tiltakstype: str, naa: datetime) -> _Periode:
    start, slutt = _datoer(rng, status, tiltakstype, naa.date())
    before = timedelta(days=between(rng, 3, 60 if start else 900), seconds=int(rng.random() * 86_400))
    opprettet = datetime.combine(start or naa, time()) - before
    # An avtale for the future has been made in the past.
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
