"""Every SQL statement, named and described in the `.sql` files beside this one.

A statement begins with a line `-- name --` and ends before the next one. Values are always bound parameters.
Only two things are formatted into the text: quoted column names from our own descriptions, and other named
parts (`criteria.sql`). Names and bounds of partitions are the one exception.
"""

import re
from collections.abc import Collection
from importlib.resources import files

from psycopg import sql

_HEADING = re.compile(r"^-- (\w+) --$", re.MULTILINE)
_DESCRIPTION = re.compile(r"\A\s*(--.*\n)+")  # not sent to the server


def load(names: Collection[str] | None = None) -> dict[str, sql.SQL]:
    """Return all statements by name, or those of some files. Raise `ValueError` for a repeated name."""
    statements: dict[str, sql.SQL] = {}
    for file in files(__name__).iterdir():
        if not file.name.endswith(".sql") or (names is not None and file.name not in names):
            continue
        _, *parts = _HEADING.split(file.read_text("utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in statements:
                raise ValueError(f"two statements are called {name}")
            statements[name] = sql.SQL(_DESCRIPTION.sub("", text).strip().removesuffix(";"))
    return statements


queries = load()


def columns(*names: str, table: str | None = None) -> sql.Composed:
    """Return a list of quoted column names, for `queries[…].format(columns=…)`."""
    path = (table,) if table else ()
    return sql.SQL(", ").join(sql.Identifier(*path, name) for name in names)
