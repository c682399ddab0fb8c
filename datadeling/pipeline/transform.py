"""Hendelse → `Avtale`: the meaning of the fields, and the choice of those that are shared. Pure.

In times the producer sends 0 to 9 fraction digits, and may leave out zero seconds. PostgreSQL stores six
digits: the rest is cut, not rounded, so that a time never moves past its neighbour.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import MENTOR, Hendelse, Place, Sletting
from datadeling.domain.month import OSLO
from datadeling.errors import UgyldigHendelse
from datadeling.pipeline.decode import decode
from datadeling.pipeline.message import Decoded, Message, Unreadable, avtale_id_in

_LOCAL = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?"
_is_local = re.compile(_LOCAL, re.ASCII).fullmatch
_is_instant = re.compile(_LOCAL + "Z", re.ASCII).fullmatch
_is_date = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_MICROSECONDS = len("2022-02-04T08:46:39.573884")

# A day inside the range that Python, PostgreSQL and BigQuery all support, in UTC and in Oslo.
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)

_T = TypeVar("_T")


def read(message: Message, generation: int, mottatt: datetime) -> Decoded:
    """Decode and transform one message that was received at `mottatt`.

    Never raises for the message's content: an invalid message is returned as `Unreadable`.
    """
    place = Place(generation, message.partition, message.offset)
    if message.value is None:
        if avtale_id := avtale_id_in(message.key):
            return Sletting(avtale_id, place)
        return Unreadable(place, *message[2:], "invalid_key", "the key of the message is not a UUID")
    try:
        return transform(decode(message.key, message.value), place, message.timestamp, mottatt)
    except UgyldigHendelse as error:
        return Unreadable(place, *message[2:], error.reason, str(error))


def transform(h: Hendelse, place: Place, tidspunkt: datetime, mottatt: datetime) -> Avtale:
    """Return the version of the avtale that the message at this place carries.

    For a MENTOR the producer's `stillingprosent` is the mentor's, who is not the participant: not shared.
    `slettemerket` is the old name of `feilregistrert`. A missing boolean is false. Raise `UgyldigHendelse`
    for a time or a date that cannot be stored.
    """
    return Avtale(
        avtale_id=h.avtale_id,
        avtale_nr=h.avtale_nr,
        deltaker_fnr=h.deltaker_fnr,
        bedrift_nr=h.bedrift_nr,
        veileder_nav_ident=h.veileder_nav_ident,
        tiltakstype=h.tiltakstype,
        avtale_status=h.avtale_status,
        versjon=h.versjon,
        opphav=h.opphav,
        start_dato=_optional(day, "startDato", h.start_dato),
        slutt_dato=_optional(day, "sluttDato", h.slutt_dato),
        stillingprosent=None if h.tiltakstype == MENTOR else h.stillingprosent,
        antall_dager_per_uke=h.antall_dager_per_uke,
        stillingstype=h.stillingstype,
        avtale_inngaatt=_optional(oslo_time, "avtaleInngått", h.avtale_inngaatt),
        godkjent_av_deltaker=_optional(oslo_time, "godkjentAvDeltaker", h.godkjent_av_deltaker),
        godkjent_av_arbeidsgiver=_optional(oslo_time, "godkjentAvArbeidsgiver", h.godkjent_av_arbeidsgiver),
        godkjent_av_veileder=_optional(oslo_time, "godkjentAvVeileder", h.godkjent_av_veileder),
        godkjent_av_beslutter=_optional(oslo_time, "godkjentAvBeslutter", h.godkjent_av_beslutter),
        godkjent_paa_vegne_av=h.godkjent_paa_vegne_av is True,
        godkjent_paa_vegne_av_arbeidsgiver=h.godkjent_paa_vegne_av_arbeidsgiver is True,
        godkjent_av_nav_ident=h.godkjent_av_nav_ident,
        godkjent_av_beslutter_nav_ident=h.godkjent_av_beslutter_nav_ident,
        annullert_tidspunkt=_optional(instant, "annullertTidspunkt", h.annullert_tidspunkt),
        feilregistrert=h.feilregistrert is True or h.slettemerket is True,
        opprettet_tidspunkt=_required(oslo_time, "opprettetTidspunkt", h.opprettet_tidspunkt),
        endret_tidspunkt=_required(instant, "sistEndret", h.sist_endret),
        generation=place.generation,
        kafka_partition=place.partition,
        kafka_offset=place.offset,
        hendelse_tidspunkt=tidspunkt,
        mottatt_tidspunkt=mottatt,
    )


def _optional(parse: Callable[[str], _T], felt: str, text: str | None) -> _T | None:
    return None if text is None else _required(parse, felt, text)


def _required(parse: Callable[[str], _T], felt: str, text: str) -> _T:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        text = f"{felt} is not a time or date that can be stored"
        raise UgyldigHendelse("invalid_time", text) from None


def instant(text: str) -> datetime:
    """Return the point in time, in UTC, of a text that ends with `Z`."""
    if not _is_instant(text):
        raise ValueError
    time = datetime.fromisoformat(text[:-1][:_MICROSECONDS] + "Z")
    if _EARLIEST <= time <= _LATEST:
        return time
    raise ValueError


def oslo_time(text: str) -> datetime:
    """Return the point in time, in UTC, of a text without a zone: the time in Europe/Oslo.

    In the hour that October repeats, the first of the two is meant. A time in the hour that March skips is
    moved forward by an hour.
    """
    if not _is_local(text):
        raise ValueError
    local = datetime.fromisoformat(text[:_MICROSECONDS] + "Z")  # the digits; the zone comes next
    time = local - (OSLO.utcoffset(local) or timedelta())
    if _EARLIEST <= time <= _LATEST:
        return time
    raise ValueError


@lru_cache(maxsize=16_384)  # all the days of 40 years
def day(text: str) -> date:
    """Return the date of a text `yyyy-MM-dd`."""
    if not _is_date(text):
        raise ValueError
    return date.fromisoformat(text)
