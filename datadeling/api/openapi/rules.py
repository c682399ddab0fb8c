"""What requests must be like beyond their properties one by one, in the words of JSON Schema.

Each says what a check in `requests` does, for who reads the description. Generators of clients pass over
these words, and make a client as if they were not there; `oneOf` around properties would make types that
nobody can use. A property that is null is one that is missing.
"""

from typing import Any

Rule = dict[str, Any]

_NOTHING: Rule = {"type": "null"}
_FNR_GIVEN: Rule = {"required": ["fnr"], "properties": {"fnr": {"type": "string"}}}
_IDENTER_GIVEN: Rule = {"required": ["identer"], "properties": {"identer": {"type": "array"}}}
_NO_FNR: Rule = {"properties": {"fnr": _NOTHING}}

ONE_PERSON: Rule = {"if": _IDENTER_GIVEN, "then": _NO_FNR, "else": _FNR_GIVEN}
"""Either fnr or identer."""

ONE_PERSON_AT_MOST: Rule = {"if": _IDENTER_GIVEN, "then": _NO_FNR}
"""Not both."""

_BEGINNINGS: list[Rule] = [
    {"required": ["fromBeginning"], "properties": {"fromBeginning": {"const": True}}},
    {"required": ["fromOffsets"]},
    {"required": ["fromTime"]},
]

ONE_BEGINNING: Rule = {
    "if": {"anyOf": _BEGINNINGS},
    "then": {"oneOf": _BEGINNINGS},
    "else": {"required": ["avtaleId"]},
}
"""Where a replay begins is said once; for one avtale it need not be said."""


def some_of(*names: str) -> Rule:
    """At least one of these properties."""
    return {"not": {"properties": dict.fromkeys(names, _NOTHING)}}
