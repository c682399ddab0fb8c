"""Unreadable messages of every form: key and value as they stand on the topic.

The form alone determines which avtale a message belongs to, so the oracle need not decode it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from tests.hendelser import avtale_id, encoded, hendelse
from tests.oracle import Entry

_DEEP = 100_000  # brackets
_BEHIND = 1_000_000  # from the number of an avtale to that of one which no log has

Record = tuple[bytes | None, bytes | None]


class Form(NamedTuple):
    """A form of unreadable messages. `record` creates one for the avtale of a number.

    `nobodys`: its key names no avtale, so no later message supersedes it, and no tombstone deletes it.
    """

    record: Callable[[int], Record]
    nobodys: bool = False


def poisoned(offset: int, avtale: str, time: datetime, form: str) -> Entry:
    """Return the entry of a log for a message of this form."""
    return Entry(offset, avtale, time, poison=form, nobodys=FORMS[form].nobodys)


def _cut_off(number: int) -> bytes:
    return encoded(hendelse(number))[:-9]


def _field(name: str, raw: bytes) -> Form:
    """Return a form in which one field of a valid message has this raw value."""

    def record(number: int) -> Record:
        whole = encoded(hendelse(number)).removesuffix(b"}")
        return avtale_id(number).encode(), whole + b', "' + name.encode() + b'": ' + raw + b"}"

    return Form(record)


def _value(value: Callable[[int], bytes]) -> Form:
    return Form(lambda number: (avtale_id(number).encode(), value(number)))


def _key(key: Callable[[int], bytes | None]) -> Form:
    """Return a form of valid messages with a key that is not their avtaleId."""
    return Form(lambda number: (key(number), encoded(hendelse(number))), nobodys=True)


FORMS = {
    "not UTF-8": _field("deltakerFornavn", b'"K\xe5re"'),
    "NUL byte": _field("bedriftNr", b'"9999\x009999"'),
    "NUL escaped": _field("bedriftNr", b'"9999\\u00009999"'),
    "lone surrogate": _field("bedriftNr", b'"\\ud800 99999999"'),
    "nested": _field("maal", b"[" * _DEEP + b"]" * _DEEP),
    "cut off": _value(_cut_off),
    "empty": _value(lambda _: b""),
    "not an object": _value(lambda _: b"[]"),
    "number out of range": _field("stillingprosent", b"1e400"),
    "number not finite": _field("stillingprosent", b"NaN"),
    "integer out of range": _field("avtaleNr", b"2147483648"),
    "time out of range": _field("sistEndret", b'"9999-12-31T23:59:59Z"'),
    "no such day": _field("startDato", b'"2026-02-30"'),
    "text too long": _field("opphav", b'"' + b"x" * 1_001 + b'"'),
    "key of another avtale": Form(
        lambda number: (avtale_id(number).encode(), encoded(hendelse(number + _BEHIND))), nobodys=True
    ),
    "key in capitals": _key(lambda number: b"ABCDEF00-0000-4000-8000-%012X" % number),
    "key no text": _key(lambda number: b"\xff\x00" + number.to_bytes(4)),
    "key empty": _key(lambda _: b""),
    "no key": _key(lambda _: None),
    "tombstone of nobody": Form(lambda number: (b"42-%d" % number, None), nobodys=True),
}
"""The forms, by name."""
