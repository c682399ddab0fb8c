"""Mask a parked message, so that its shape is shown without anything that could identify a person. Pure.

A parked message can hold anything anywhere, so its place alone never makes a value harmless: the value of an
open field must also look like a value of such a field.
"""

import json
import re
from typing import Any

import msgspec

from datadeling.domain.felt import FELTER
from datadeling.domain.hendelse import Hendelse
from datadeling.pipeline.message import avtale_id_in

_SENSITIVE = {felt.column for felt in FELTER if felt.is_ident}
_NAMES = {field.encode_name for field in msgspec.structs.fields(Hendelse)} | {"hendelseType"}
_OPEN = _NAMES - {f.encode_name for f in msgspec.structs.fields(Hendelse) if f.name in _SENSITIVE}

# An enum, a UUID, a date or a time, the number of an employer's unit. Of these only a UUID can have eleven
# digits in a row.
_HARMLESS = re.compile(
    r"[A-ZÆØÅ_]{1,40}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z?)?|\d{9}",
    re.ASCII,
)
_LONG = re.compile(r"\d{11}")  # also as part of a longer number
_WORD = re.compile(r"[^\W\d_]{1,60}")
_HIDDEN = "***"
_SHOWN = 4_000  # characters of a masked value

# Field names stay, and everything that makes a text unreadable: invalid bytes, NUL, escaped surrogates.
_FIELD_NAME = rf'"(?:{"|".join(map(re.escape, sorted(_NAMES)))})"(?=\s*:)'
_KEPT_OR_CHARACTER = re.compile(rf"({_FIELD_NAME}|\\x[0-9a-f]{{2}}|\\u(?:0000|[dD][89a-fA-F]..))|[^\W_]")


def show_key(key: bytes | None) -> str:
    """Return the key when it is an avtaleId; else its shape."""
    if key is None:
        return "none"
    return avtale_id_in(key) or _hide_characters(readable(key))


def show_value(value: bytes) -> str:
    """Return the message as JSON with only harmless values, or as text with every letter and digit hidden."""
    try:
        parsed = json.loads(value)
        return json.dumps(_hide(parsed), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return _hide_characters(readable(value))


def cut(text: str) -> str:
    """Cut off a text that is too long to read."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… {len(text) - _SHOWN} more characters"


def readable(raw: bytes) -> str:
    """Return the bytes as text for a terminal; invalid UTF-8 and control characters become escapes."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def _hide(value: Any, name: str = "") -> Any:  # noqa: ANN401 (JSON)
    match value:
        case dict():
            # A name that is not one word of letters, as in the contract, may be a misplaced value.
            return {k if _WORD.fullmatch(k) else _HIDDEN: _hide(item, k) for k, item in value.items()}
        case list():
            return [_hide(item) for item in value]
        case None | bool():
            return value
        case int() | float() if name in _OPEN:
            return _HIDDEN if _LONG.search(str(value)) else value
        case str() if name in _OPEN and _HARMLESS.fullmatch(value):
            return value
        case _:
            return _HIDDEN


def _hide_characters(text: str) -> str:
    return _KEPT_OR_CHARACTER.sub(lambda m: m[1] or ("0" if m[0].isdigit() else "x"), text)
