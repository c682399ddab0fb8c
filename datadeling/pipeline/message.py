"""A message as it lay on the topic, and the result of reading it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Sletting

KEY_MISMATCH = "key_mismatch"
"""Reason code of a message whose key is not its `avtaleId`: the key says nothing about the avtale."""


class Message(NamedTuple):
    """A record of the topic. `value` is None for a tombstone; `timestamp` is the record's own."""

    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None


class Unreadable(NamedTuple):
    """A message that cannot be used, to be parked with its bytes as they came.

    `reason` is a code; `text` explains it and contains no value of the message.
    """

    place: Place
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    reason: str
    text: str


Decoded = Avtale | Sletting | Unreadable
"""The result of reading one message."""

Ended = Mapping[int, Sequence[tuple[int, int]]]
"""By partition, in order: the generations that have ended, and the first offset beyond each."""


def generation_at(partition: int, offset: int, current: int, ended: Ended) -> int:
    """Return the generation in which the live consumer read this offset; `current` is the partition's own."""
    for generation, end in ended.get(partition, ()):
        if offset < end:
            return generation
    return current


_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID_ANYWHERE = re.compile(rb"(?=(" + _UUID.pattern + rb"))")  # two may overlap

is_uuid = _UUID.fullmatch
"""True for a valid `avtaleId`: a UUID in lower case, as the producer writes it."""


def avtale_id_in(key: bytes | None) -> str:
    """Return the avtaleId that a key consists of, empty when it is none."""
    return key.decode() if key is not None and is_uuid(key) else ""


def avtale_id_of(decoded: Decoded) -> str:
    """Return the avtaleId of a message, empty when an unreadable message does not reveal it."""
    if isinstance(decoded, Unreadable):
        return "" if decoded.reason == KEY_MISMATCH else avtale_id_in(decoded.key)
    return decoded.avtale_id


def avtale_ids(messages: Iterable[Decoded]) -> list[str]:
    """Return the distinct avtaleIds of these messages, in their order."""
    return [avtale_id for avtale_id in dict.fromkeys(map(avtale_id_of, messages)) if avtale_id]


def avtaler_named(unreadable: Unreadable) -> set[str]:
    """Return every avtaleId that occurs anywhere in the key or the value of an unreadable message."""
    return {
        found.decode()
        for part in (unreadable.key, unreadable.value)
        for found in _UUID_ANYWHERE.findall(part or b"")
    }
