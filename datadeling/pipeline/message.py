"""A message as it lay on the topic, and what reading it came to."""

import re
from datetime import datetime
from typing import NamedTuple

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Sletting

KEY_MISMATCH = "key_mismatch"
"""The reason code of a message whose key is not its `avtaleId`: its key says nothing about it."""


class Message(NamedTuple):
    """A record of the topic. `value` is None for a tombstone; `timestamp` is the record's own."""

    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None


class Unreadable(NamedTuple):
    """A message that cannot be used, to be parked with its bytes as they came.

    `reason` is a code; `text` says more and holds no value of the message.
    """

    place: Place
    key: bytes | None
    value: bytes | None
    timestamp: datetime
    reason: str
    text: str


Decoded = Avtale | Sletting | Unreadable
"""What one message came to."""


_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_ANYWHERE = re.compile(rb"(?=(" + _UUID.pattern + rb"))")  # two may share characters

is_uuid = _UUID.fullmatch
"""True of what names an avtale: a UUID in lower case, as the producer writes it."""


def avtale_id_in(key: bytes | None) -> str:
    """The avtale that a key names; empty for none."""
    return key.decode() if key is not None and is_uuid(key) else ""


def avtaler_named(unreadable: Unreadable) -> set[str]:
    """Every avtale that the message names anywhere: in its key, or in what there is of its value."""
    return {
        found.decode()
        for part in (unreadable.key, unreadable.value)
        for found in _UUID_ANYWHERE.findall(part or b"")
    }
