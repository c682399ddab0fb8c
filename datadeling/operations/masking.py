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
_HIDDEN = "***"
SHOWN = 4_000
"""Characters of a masked value that are shown."""

# Field names stay, and everything that makes a text unreadable: invalid bytes, NUL, escaped surrogates.
_KEPT = re.compile(
    rf'"(?:{"|".join(map(re.escape, sorted(_NAMES)))})"(?=\s*:)|\\x[0-9a-f]{{2}}|\\u(?:0000|[dD][89a-fA-F]..)'
)


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
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}\n… {len(text) - SHOWN} more characters"


def readable(raw: bytes) -> str:
    """Return the bytes as text for a terminal; invalid UTF-8 and control characters become escapes."""
    text = raw.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _hide(value: Any, name: str = "") -> Any:  # noqa: ANN401 (JSON)
    match value:
        case dict():
            return {_field_name(key): _hide(item, key) for key, item in value.items()}
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


def _field_name(name: str) -> str:
    """Return a name of the contract's form, one word of letters; any other may be a misplaced value."""
    return name if re.fullmatch(r"[^\W\d_]{1,60}", name) else _HIDDEN


def _hide_characters(text: str) -> str:
    parts: list[str] = []
    at = 0
    for kept in _KEPT.finditer(text):
        parts += [_hide_run(text[at : kept.start()]), kept.group()]
        at = kept.end()
    return "".join([*parts, _hide_run(text[at:])])


def _hide_run(text: str) -> str:
    return "".join("0" if c.isdigit() else "x" if c.isalpha() else c for c in text)
