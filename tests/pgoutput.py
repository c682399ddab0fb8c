"""A decoder of pgoutput, PostgreSQL's plugin for logical replication, protocol version 1.

No decoder for Python is maintained (two on PyPI, of 2022 and of a single release), and the format is small.
"""

import struct
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

import psycopg


class Unchanged(Enum):
    """An unchanged TOAST value, which is not sent again."""

    UNCHANGED = "unchanged"


Row = tuple[str | Unchanged | None, ...]
"""Values in PostgreSQL's text format, in the order of the columns."""


class Begin(NamedTuple):
    """The begin of a transaction that has written to a published table."""

    xid: int


class Commit(NamedTuple):
    """The end of a transaction."""


class Column(NamedTuple):
    """A column, with its type (an OID) and the type's modifier."""

    name: str
    key: bool
    type: int
    modifier: int


class Relation(NamedTuple):
    """A table, sent before its first row, and again when it has changed."""

    oid: int
    schema: str
    name: str
    identity: str
    columns: tuple[Column, ...]


class Insert(NamedTuple):
    """A new row."""

    oid: int
    new: Row


class Update(NamedTuple):
    """A changed row; `old` has the key if the key has changed."""

    oid: int
    old: Row | None
    new: Row


class Delete(NamedTuple):
    """A deleted row; `old` has its key, and None for the rest."""

    oid: int
    old: Row


class Truncate(NamedTuple):
    """Tables that were truncated."""

    oids: tuple[int, ...]


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate


class Malformed(ValueError):
    """The bytes are not a message of pgoutput."""


def decode(stream: bytes, *, end: bytes = b"") -> Iterator[Message]:
    """Decode the messages of a stream, each of them followed by `end`. Raise `Malformed`."""
    reader = _Reader(stream)
    try:
        while reader.left:
            yield _message(reader)
            if reader.take(len(end)) != end:
                raise Malformed("a message is followed by something else")
    except (struct.error, ValueError) as error:
        raise Malformed(str(error)) from None


def peek(connection: psycopg.Connection, slot: str, publication: str) -> list[Message]:
    """Return the messages that a reader of the slot would get now, without consuming them."""
    rows = connection.execute(
        "SELECT data FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL,"
        " 'proto_version', '1', 'publication_names', %s)",
        (slot, publication),
    ).fetchall()
    return [message for (data,) in rows for message in decode(data)]


def _message(reader: "_Reader") -> Message:
    kind = reader.letter()
    if kind not in _READ:
        raise Malformed(f"there is no message {kind!r}")
    return _READ[kind](reader)


def _begin(reader: "_Reader") -> Begin:
    _, _, xid = reader.numbers("!QqI")  # end in the WAL, time of the commit, transaction
    return Begin(xid)


def _commit(reader: "_Reader") -> Commit:
    reader.numbers("!BQQq")
    return Commit()


def _insert(reader: "_Reader") -> Insert:
    return Insert(reader.number("!I"), _row(reader, "N"))


def _update(reader: "_Reader") -> Update:
    oid = reader.number("!I")
    old = _row(reader, "KO") if reader.ahead in "KO" else None
    return Update(oid, old, _row(reader, "N"))


def _delete(reader: "_Reader") -> Delete:
    return Delete(reader.number("!I"), _row(reader, "KO"))


def _truncate(reader: "_Reader") -> Truncate:
    count, _ = reader.numbers("!IB")
    return Truncate(reader.numbers(f"!{count}I"))


def _relation(reader: "_Reader") -> Relation:
    oid, schema, name = reader.number("!I"), reader.text(), reader.text()
    identity = reader.letter()
    columns = []
    for _ in range(reader.number("!H")):
        key, column = reader.number("!B"), reader.text()
        columns.append(Column(column, key == 1, *reader.numbers("!Ii")))
    return Relation(oid, schema, name, identity, tuple(columns))


_READ: dict[str, Callable[["_Reader"], Message]] = {
    "B": _begin,
    "C": _commit,
    "R": _relation,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
}


def _row(reader: "_Reader", kinds: str) -> Row:
    if (kind := reader.letter()) not in kinds:
        raise Malformed(f"a row of kind {kind!r}")
    return tuple(_value(reader) for _ in range(reader.number("!H")))


def _value(reader: "_Reader") -> str | Unchanged | None:
    match kind := reader.letter():
        case "n":
            return None
        case "u":
            return Unchanged.UNCHANGED
        case "t":
            return reader.take(reader.number("!I")).decode()
    raise Malformed(f"a value of kind {kind!r}")


class _Reader:
    """A position in bytes. Methods raise `ValueError` or `struct.error` at the end."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._stream) - self._at

    @property
    def ahead(self) -> str:
        return chr(self._stream[self._at]) if self.left else ""

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Malformed("the stream is cut off")
        self._at += count
        return self._stream[self._at - count : self._at]

    def letter(self) -> str:
        return self.take(1).decode("ascii")

    def numbers(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def number(self, layout: str) -> int:
        (number,) = self.numbers(layout)
        return number

    def text(self) -> str:
        end = self._stream.index(b"\0", self._at)
        text = self.take(end - self._at).decode()
        self.take(1)
        return text
