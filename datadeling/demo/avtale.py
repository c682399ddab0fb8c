"""A synthetic avtale and the messages about it: status, dates and times agree with one another. Pure."""

import random
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.resources import files
from operator import mul
from typing import Any

import msgspec

from datadeling.domain.month import OSLO

Felter = dict[str, Any]

# Examples of the fields that are not shared, by group. They give messages their real shape and size.
_EXAMPLES: dict[str, list[Felter]] = msgspec.json.decode((files(__package__) / "fields.json").read_bytes())

# How often each occurs, in per cent, as on a real topic at rest.
_STATUSER = {
    "AVSLUTTET": 50.0, "PÅBEGYNT": 33.0, "MANGLER_GODKJENNING": 10.0, "ANNULLERT": 3.5, "GJENNOMFØRES": 2.5,
    "KLAR_FOR_OPPSTART": 1.0,
}  # fmt: skip
_TILTAKSTYPER = {
    "ARBEIDSTRENING": 38.0, "MIDLERTIDIG_LONNSTILSKUDD": 24.0, "SOMMERJOBB": 10.0, "MENTOR": 9.0,
    "INKLUDERINGSTILSKUDD": 7.0, "VARIG_LONNSTILSKUDD": 7.0, "VTAO": 3.0, "FIREARIG_LONNSTILSKUDD": 2.0,
}  # fmt: skip
# The statuses that follow one another as dates pass.
_FORLOP = ("KLAR_FOR_OPPSTART", "GJENNOMFØRES", "AVSLUTTET")
_UTEN_SLUTT = {"VTAO", "VARIG_LONNSTILSKUDD"}
_MED_LONN = {"MIDLERTIDIG_LONNSTILSKUDD", "VARIG_LONNSTILSKUDD", "SOMMERJOBB", "FIREARIG_LONNSTILSKUDD"}
# 19 % of all avtaler have no dates, and these are the ones that have just been begun.
_UTEN_DATOER = 19 / _STATUSER["PÅBEGYNT"]

_GODKJENNING = ("godkjentAvDeltaker", "godkjentAvArbeidsgiver", "godkjentAvVeileder")
_PROSENTER = [Decimal(p) for p in ("100", "100", "100", "50", "80", "60", "37.5", "50.00", "33.33", "12.5")]
_DAGER = [Decimal(d) for d in ("5", "5", "5", "3", "4", "2", "2.5", "1", "4.50")]
_ANNULLERT_GRUNN = ("Feilregistrering", "Ikke møtt", "Syk", "Begynt i arbeid")

# An edit: hendelseType, innholdType, and whether it makes a new version.
_ENDRINGER = (
    ("ENDRET", "INNGÅ", False),
    ("ENDRET_AV_ARENA", "ENDRET_AV_ARENA", False),
    ("AVTALE_FORLENGET", "FORLENGE", True),
    ("AVTALE_FORKORTET", "FORKORTE", True),
    ("STILLINGSBESKRIVELSE_ENDRET", "ENDRE_STILLING", True),
    ("KONTAKTINFORMASJON_ENDRET", "ENDRE_KONTAKTINFO", True),
    ("GODKJENT_AV_ARBEIDSGIVER", "INNGÅ", False),
)
_ROLLER = ("VEILEDER", "VEILEDER", "ARBEIDSGIVER", "BESLUTTER", "DELTAKER", "MENTOR")

# Most clocks give six digits, some nine or three; any number of them is legal.
_DIGITS = (6,) * 40 + (9,) * 10 + (3,) * 6 + (0, 1, 2, 4, 5, 7, 8)
_CHECK_WEIGHTS = ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))


def meldinger(
    rng: random.Random, nr: int, fnr: str, bedrift_nr: str, idag: date, count: int
) -> Iterator[Felter]:
    """Generate so many messages about a new avtale; after the last one its status is right on the day.

    `nr` is its avtaleNr, where it has one. Nothing happens later than the beginning of the day.
    """
    naa = datetime.combine(idag, time())
    status = _weighted(rng, _STATUSER)
    tiltakstype = _weighted(rng, _TILTAKSTYPER)
    start, slutt = _datoer(rng, status, tiltakstype, idag)
    opprettet = datetime.combine(start or idag, time()) - timedelta(rng.uniform(3, 60 if start else 900))
    # An avtale for the future was created in the past.
    opprettet = min(opprettet, naa - timedelta(rng.uniform(2, 22)))
    endret = opprettet + (naa - opprettet) * (0.5 * rng.random())
    felt = _felter(rng, tiltakstype, start, slutt) | {
        "avtaleNr": None if _chance(rng, 0.03) else nr,
        "deltakerFnr": None if _chance(rng, 0.005) else fnr,
        "bedriftNr": bedrift_nr,
        "opprettetTidspunkt": oslo_time(rng, opprettet),
        "sistEndret": instant(rng, endret),
        **_godkjenninger(rng, status, tiltakstype, opprettet, endret),
    }
    for left in reversed(range(count)):
        hendelse, innhold, new_version = rng.choice(_ENDRINGER)
        rolle, hvem = rng.choice(_ROLLER), navident(rng)
        if _chance(rng, 0.75):
            hendelse, innhold, rolle, hvem = "STATUSENDRING", "INNGÅ", "SYSTEM", "SYSTEM"
        elif left < count - 1:
            endret += max(timedelta(seconds=1), (naa - endret) * (0.3 * rng.random()))
            felt["sistEndret"] = instant(rng, endret)
            felt["stillingprosent"] = rng.choice(_PROSENTER)
            felt["versjon"] += new_version
        before = _FORLOP[max(0, _FORLOP.index(status) - left)] if status in _FORLOP else status
        about = {"hendelseType": hendelse, "innholdType": innhold, "utførtAv": hvem, "utførtAvRolle": rolle}
        yield about | felt | {"avtaleStatus": before}


def _datoer(
    rng: random.Random, status: str, tiltakstype: str, idag: date
) -> tuple[date, date | None] | tuple[None, None]:
    def days(first: int, last: int) -> timedelta:
        return timedelta(rng.randint(first, last))

    match status:
        case "AVSLUTTET":
            slutt = idag - days(1, 1_000)
            return slutt - days(14, 720), slutt
        case "GJENNOMFØRES":
            without_end = tiltakstype in _UTEN_SLUTT and _chance(rng, 0.3)
            return idag - days(0, 250), None if without_end else idag + days(0, 300)
        case "PÅBEGYNT" if _chance(rng, _UTEN_DATOER):
            return None, None
        case _:
            start = idag + days(1 if status == "KLAR_FOR_OPPSTART" else -300, 90)
            return start, start + days(14, 365)


def _felter(rng: random.Random, tiltakstype: str, start: date | None, slutt: date | None) -> Felter:
    """Return the fields that depend on the type and the dates alone."""
    has_dates, is_mentor = start is not None, tiltakstype == "MENTOR"
    has_wages = has_dates and tiltakstype in _MED_LONN
    felt: Felter = {
        "avtaleId": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "versjon": 1 + int(rng.expovariate(2)),
        "deltakerTlf": f"000{_digits(rng, 5)}",  # no telephone number begins with 0
        "arbeidsgiverKontonummer": f"0000{_digits(rng, 7)}" if _chance(rng, 0.4) else None,
        "mentorFnr": syntetisk_fnr(rng) if is_mentor else None,
        "veilederNavIdent": navident(rng),
        "slettemerket": False,
        "tiltakstype": tiltakstype,
        "startDato": start,
        "sluttDato": slutt,
        "stillingprosent": rng.choice(_PROSENTER) if has_dates else None,
        "antallDagerPerUke": rng.choice(_DAGER) if has_dates else None,
        "stillingstype": rng.choice(("FAST", "MIDLERTIDIG")) if has_wages else None,
    }
    if _chance(rng, 0.07):
        felt["opphav"] = rng.choice(("VEILEDER", "VEILEDER", "ARBEIDSGIVER", "ARENA"))
        felt["forkortetGrunn"] = rng.choice((None, "Begynt i arbeid", "Syk"))
    for group in ("alltid", "inkludering" if tiltakstype == "INKLUDERINGSTILSKUDD" else "uten_inkludering"):
        felt |= rng.choice(_EXAMPLES[group])
    felt |= rng.choice(_EXAMPLES["tekster" if has_dates else "uten_tekster"])
    for group, known in (("stilling", has_dates), ("lonn", has_wages), ("mentor", is_mentor)):
        example = rng.choice(_EXAMPLES[group])
        felt |= example if known else dict.fromkeys(example)
    return felt


def _godkjenninger(
    rng: random.Random, status: str, tiltakstype: str, opprettet: datetime, endret: datetime
) -> Felter:
    """Return approvals and cancellation, in order, between its creation and its last edit."""
    shares = sorted(rng.random() for _ in range(7))
    tider = [opprettet + (endret - opprettet) * share for share in shares]
    lokale = [oslo_time(rng, tid) for tid in tider]
    annullert = status == "ANNULLERT"
    inngaatt = status in _FORLOP or (annullert and _chance(rng, 0.6))
    besluttet = inngaatt and _chance(rng, 0.3)
    approvals = 3 if inngaatt else rng.randint(0, 2) if status == "MANGLER_GODKJENNING" else 0
    grunn = rng.choice(_ANNULLERT_GRUNN) if annullert else None
    return {
        **{name: lokale[n] if n < approvals else None for n, name in enumerate(_GODKJENNING)},
        "godkjentAvNavIdent": navident(rng) if inngaatt else None,
        "godkjentAvBeslutter": lokale[3] if besluttet else None,
        "godkjentAvBeslutterNavIdent": navident(rng) if besluttet else None,
        "avtaleInngått": lokale[4] if inngaatt else None,
        "ikrafttredelsestidspunkt": lokale[4] if inngaatt else None,
        "godkjentPaVegneAv": inngaatt and _chance(rng, 0.12),
        "godkjentPaVegneAvArbeidsgiver": inngaatt and _chance(rng, 0.03),
        "godkjentTaushetserklæringAvMentor": lokale[5] if tiltakstype == "MENTOR" else None,
        "annullertTidspunkt": instant(rng, tider[6]) if annullert else None,
        "annullertGrunn": grunn,
        "feilregistrert": grunn == "Feilregistrering",
    }


def _chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def _weighted(rng: random.Random, weights: Mapping[str, float]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _digits(rng: random.Random, count: int) -> str:
    return f"{rng.randrange(10**count):0{count}}"


def navident(rng: random.Random) -> str:
    """Return a NAV identity of the kind that tests use, a Z and six digits."""
    return f"Z{_digits(rng, 6)}"


def bedrift_nr(rng: random.Random) -> str:
    """Return the number of a synthetic employer, which begins with 3."""
    return f"3{_digits(rng, 8)}"


def instant(rng: random.Random, time: datetime) -> str:
    """Return a point in time, given in UTC without a zone, with `Z` and random fraction digits."""
    return f"{time.isoformat(timespec='seconds')}{_fraction(rng)}Z"


def oslo_time(rng: random.Random, time: datetime) -> str:
    """Return the local time in Oslo of a time in UTC, without a zone; now and then without seconds."""
    local = time.replace(tzinfo=UTC).astimezone(OSLO).replace(tzinfo=None)
    if _chance(rng, 0.03):
        return local.isoformat(timespec="minutes")
    return f"{local.isoformat(timespec='seconds')}{_fraction(rng)}"


def _fraction(rng: random.Random) -> str:
    count = rng.choice(_DIGITS)
    return f".{_digits(rng, count)}" if count else ""


def syntetisk_fnr(rng: random.Random) -> str:
    """Return eleven digits as Tenor makes them: 80 added to the month, so that they belong to nobody.

    Both check digits are right. The person is born between 1955 and 2006. Numbers may repeat, about once in
    nine million.
    """
    while True:
        born = date(1955, 1, 1) + timedelta(rng.randrange(52 * 365))
        # Individnummer 000-499 belongs to those born in the 1900s, 500-999 to those born since.
        individ = rng.randrange(500) + (500 if born >= date(2000, 1, 1) else 0)
        digits = [int(c) for c in f"{born.day:02}{born.month + 80:02}{born.year % 100:02}{individ:03}"]
        for weights in _CHECK_WEIGHTS:
            digits.append(-sum(map(mul, weights, digits)) % 11)
        if max(digits) <= 9:  # noqa: PLR2004 - 10 is no digit
            return "".join(map(str, digits))
