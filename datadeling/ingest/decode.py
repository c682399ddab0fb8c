"""bytes → `Hendelse`. Pure.

Refuses everything that a later step, PostgreSQL or a consumer could choke on, so that a message that comes
through here can be stored. Fields that we do not share are skipped; new fields and new enum values pass.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from datadeling.domain.hendelse import Hendelse
from datadeling.errors import UgyldigHendelse
from datadeling.ingest.melding import KEY_MISMATCH, avtale_id_in
from datadeling.ingest.tidspunkt import day, instant, oslo_time

_LONGEST_TEXT = 1_000  # an index entry of PostgreSQL has a limit of 2,700 bytes
_FOUR_DECIMALS = Decimal("0.0001")
_NUMERIC_LIMIT = Decimal(100_000)  # numeric(9,4)

Text = Annotated[str, msgspec.Meta(max_length=_LONGEST_TEXT)]
Int4 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class _Melding(
    msgspec.Struct,
    gc=False,
    rename={
        "avtale_id": "avtaleId",
        "avtale_nr": "avtaleNr",
        "deltaker_fnr": "deltakerFnr",
        "bedrift_nr": "bedriftNr",
        "veileder_nav_ident": "veilederNavIdent",
        "avtale_status": "avtaleStatus",
        "start_dato": "startDato",
        "slutt_dato": "sluttDato",
        "antall_dager_per_uke": "antallDagerPerUke",
        "avtale_inngaatt": "avtaleInngått",
        "godkjent_av_deltaker": "godkjentAvDeltaker",
        "godkjent_av_arbeidsgiver": "godkjentAvArbeidsgiver",
        "godkjent_av_veileder": "godkjentAvVeileder",
        "godkjent_av_beslutter": "godkjentAvBeslutter",
        "godkjent_paa_vegne_av": "godkjentPaVegneAv",
        "godkjent_paa_vegne_av_arbeidsgiver": "godkjentPaVegneAvArbeidsgiver",
        "godkjent_av_nav_ident": "godkjentAvNavIdent",
        "godkjent_av_beslutter_nav_ident": "godkjentAvBeslutterNavIdent",
        "annullert_tidspunkt": "annullertTidspunkt",
        "opprettet_tidspunkt": "opprettetTidspunkt",
        "sist_endret": "sistEndret",
    },
):
    """The shared fields as JSON has them. Times and dates are text until we read them ourselves."""

    avtale_id: Text
    tiltakstype: Text
    avtale_status: Text
    versjon: Int4
    opprettet_tidspunkt: Text
    sist_endret: Text
    avtale_nr: Int4 | None = None
    deltaker_fnr: Text | None = None
    bedrift_nr: Text | None = None
    veileder_nav_ident: Text | None = None
    opphav: Text | None = None
    start_dato: Text | None = None
    slutt_dato: Text | None = None
    stillingprosent: Decimal | None = None
    antall_dager_per_uke: Decimal | None = None
    stillingstype: Text | None = None
    avtale_inngaatt: Text | None = None
    godkjent_av_deltaker: Text | None = None
    godkjent_av_arbeidsgiver: Text | None = None
    godkjent_av_veileder: Text | None = None
    godkjent_av_beslutter: Text | None = None
    godkjent_paa_vegne_av: bool | None = None
    godkjent_paa_vegne_av_arbeidsgiver: bool | None = None
    godkjent_av_nav_ident: Text | None = None
    godkjent_av_beslutter_nav_ident: Text | None = None
    annullert_tidspunkt: Text | None = None
    feilregistrert: bool | None = None
    slettemerket: bool | None = None


_decoder = msgspec.json.Decoder(_Melding)


def decode(key: bytes | None, value: bytes) -> Hendelse:
    """Read one message.

    Raise `UgyldigHendelse` with a reason code and a text that names the field at fault, never a value.
    """
    melding = _parse(value)
    avtale_id = melding.avtale_id.encode()
    if not avtale_id_in(avtale_id):
        raise UgyldigHendelse("invalid_field", "avtaleId is not a UUID")
    if key != avtale_id:
        raise UgyldigHendelse(KEY_MISMATCH, "the key of the message is not its avtaleId")
    if b"\\u0000" in value:
        _refuse_nul(melding)
    return _hendelse(melding)


def decode_key(key: bytes | None) -> str:
    """The avtale that a tombstone is about. Raise `UgyldigHendelse` when its key names none."""
    avtale_id = avtale_id_in(key)
    if not avtale_id:
        raise UgyldigHendelse("invalid_key", "the key of the message is not a UUID")
    return avtale_id


def _parse(value: bytes) -> _Melding:
    try:
        value.decode()  # msgspec does not look inside what it skips
        return _decoder.decode(value)
    except UnicodeDecodeError:
        raise UgyldigHendelse("not_utf8", "the message is not UTF-8") from None
    except RecursionError:
        raise UgyldigHendelse("too_deep", "the message is nested too deep") from None
    except msgspec.ValidationError as error:  # names the field and the type, not the value
        raise UgyldigHendelse("invalid_field", str(error)) from None
    except msgspec.DecodeError:
        raise UgyldigHendelse("malformed_json", "the message is not one JSON object") from None


def _hendelse(m: _Melding) -> Hendelse:
    return Hendelse(
        avtale_id=m.avtale_id,
        avtale_nr=m.avtale_nr,
        deltaker_fnr=m.deltaker_fnr,
        bedrift_nr=m.bedrift_nr,
        veileder_nav_ident=m.veileder_nav_ident,
        tiltakstype=m.tiltakstype,
        avtale_status=m.avtale_status,
        versjon=m.versjon,
        opphav=m.opphav,
        start_dato=None if m.start_dato is None else day("startDato", m.start_dato),
        slutt_dato=None if m.slutt_dato is None else day("sluttDato", m.slutt_dato),
        stillingprosent=_number("stillingprosent", m.stillingprosent),
        antall_dager_per_uke=_number("antallDagerPerUke", m.antall_dager_per_uke),
        stillingstype=m.stillingstype,
        avtale_inngaatt=_oslo("avtaleInngått", m.avtale_inngaatt),
        godkjent_av_deltaker=_oslo("godkjentAvDeltaker", m.godkjent_av_deltaker),
        godkjent_av_arbeidsgiver=_oslo("godkjentAvArbeidsgiver", m.godkjent_av_arbeidsgiver),
        godkjent_av_veileder=_oslo("godkjentAvVeileder", m.godkjent_av_veileder),
        godkjent_av_beslutter=_oslo("godkjentAvBeslutter", m.godkjent_av_beslutter),
        godkjent_paa_vegne_av=bool(m.godkjent_paa_vegne_av),
        godkjent_paa_vegne_av_arbeidsgiver=bool(m.godkjent_paa_vegne_av_arbeidsgiver),
        godkjent_av_nav_ident=m.godkjent_av_nav_ident,
        godkjent_av_beslutter_nav_ident=m.godkjent_av_beslutter_nav_ident,
        annullert_tidspunkt=None
        if m.annullert_tidspunkt is None
        else instant("annullertTidspunkt", m.annullert_tidspunkt),
        feilregistrert=bool(m.feilregistrert),
        slettemerket=bool(m.slettemerket),
        opprettet_tidspunkt=oslo_time("opprettetTidspunkt", m.opprettet_tidspunkt),
        sist_endret=instant("sistEndret", m.sist_endret),
    )


def _oslo(felt: str, text: str | None) -> datetime | None:
    return None if text is None else oslo_time(felt, text)


def _number(felt: str, number: Decimal | None) -> Decimal | None:
    """The number, when numeric(9,4) holds it exactly: a stored figure is the producer's figure."""
    if number is None:
        return None
    if not number.is_finite() or not -_NUMERIC_LIMIT < number < _NUMERIC_LIMIT:
        raise UgyldigHendelse("number_out_of_range", f"{felt} is beyond five digits")
    if number.quantize(_FOUR_DECIMALS) != number:
        raise UgyldigHendelse("number_out_of_range", f"{felt} has more than four decimals")
    return number


def _refuse_nul(melding: _Melding) -> None:
    for felt, value in msgspec.structs.asdict(melding).items():
        if isinstance(value, str) and "\0" in value:
            raise UgyldigHendelse("nul_in_text", f"{felt} holds a NUL character")
