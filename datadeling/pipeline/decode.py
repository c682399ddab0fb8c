"""bytes → `Hendelse`. Pure.

Refuses everything that a later step, PostgreSQL or a consumer could choke on, except invalid times, which
`transform` refuses. Fields that are not shared are skipped; new fields and new enum values pass.
"""

from decimal import Decimal

import msgspec

from datadeling.domain.hendelse import MENTOR, Hendelse
from datadeling.errors import UgyldigHendelse
from datadeling.pipeline.message import KEY_MISMATCH, is_uuid

_FOUR_DECIMALS = Decimal("0.0001")
_NUMERIC_LIMIT = Decimal(100_000)  # numeric(9,4)

_decoder = msgspec.json.Decoder(Hendelse)


def decode(key: bytes | None, value: bytes) -> Hendelse:
    """Decode one message.

    Raise `UgyldigHendelse` with a reason code and a text that names the field at fault, never a value.
    """
    hendelse = _parse(value)
    avtale_id = hendelse.avtale_id.encode()
    if not is_uuid(avtale_id):
        raise UgyldigHendelse("invalid_field", "avtaleId is not a UUID")
    if key != avtale_id:
        raise UgyldigHendelse(KEY_MISMATCH, "the key of the message is not its avtaleId")
    if b"\\" in value and b"\\u0000" in value:  # one byte is found much faster than six
        _refuse_nul(hendelse)
    if hendelse.stillingprosent is not None and hendelse.tiltakstype != MENTOR:  # not shared for a MENTOR
        _refuse_inexact("stillingprosent", hendelse.stillingprosent)
    if hendelse.antall_dager_per_uke is not None:
        _refuse_inexact("antallDagerPerUke", hendelse.antall_dager_per_uke)
    return hendelse


def _parse(value: bytes) -> Hendelse:
    try:
        value.decode()  # msgspec does not check the fields that it skips
        return _decoder.decode(value)
    except UnicodeDecodeError:
        raise UgyldigHendelse("not_utf8", "the message is not UTF-8") from None
    except RecursionError:
        raise UgyldigHendelse("too_deep", "the message is nested too deep") from None
    except msgspec.ValidationError as error:  # names the field and the type, not the value
        raise UgyldigHendelse("invalid_field", str(error)) from None
    except msgspec.DecodeError:
        raise UgyldigHendelse("malformed_json", "the message is not one JSON object") from None


def _refuse_inexact(felt: str, number: Decimal) -> None:
    """Refuse a number that numeric(9,4) cannot hold exactly: the stored figure is the producer's figure."""
    if not number.is_finite() or not -_NUMERIC_LIMIT < number < _NUMERIC_LIMIT:
        raise UgyldigHendelse("number_out_of_range", f"{felt} is beyond five digits")
    if number.quantize(_FOUR_DECIMALS) != number:
        raise UgyldigHendelse("number_out_of_range", f"{felt} has more than four decimals")


def _refuse_nul(hendelse: Hendelse) -> None:
    for felt, value in msgspec.structs.asdict(hendelse).items():
        if isinstance(value, str) and "\0" in value:
            raise UgyldigHendelse("nul_in_text", f"{felt} holds a NUL character")
