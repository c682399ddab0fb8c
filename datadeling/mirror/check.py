"""Finds columns that were forgotten in the table, the views or the files. Each fault is a line of text."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from datadeling.mirror.views import LEFT_OUT, PERSONAL, SOURCE, WITHOUT_IDENTS, files

# Names of columns that identify somebody, also where the field is not marked.
_IDENT = re.compile(r"(^|_)(fnr|ident|identer|aktor(id)?|navn|fornavn|etternavn|tlf|epost|kontonummer)(_|$)")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def forgotten(table: Collection[str]) -> Iterator[str]:
    """Compare the columns of `avtale` with those of the views."""
    shown = {column.name for column in PERSONAL}
    for name in table:
        if name not in shown and name not in LEFT_OUT:
            yield f"{name} is in no view: describe it in domain/felt.py, or add it to LEFT_OUT with a reason"
        if not _NAME.fullmatch(name):
            yield f"{name} is no name that Datastream takes to BigQuery: small letters a to z, digits and _"
    yield from (f"{name} is no column of avtale" for name in sorted((shown | LEFT_OUT.keys()) - set(table)))
    yield from (f"{name} is in a view, and in LEFT_OUT" for name in sorted(shown & LEFT_OUT.keys()))


def idents() -> Iterator[str]:
    """Find columns of the view without identifiers whose names say that they are one."""
    for column in WITHOUT_IDENTS:
        if _IDENT.search(column.name):
            yield f"{column.name} is in avtale_uten_personident: mark it as is_ident in domain/felt.py"


def outdated(folder: Path) -> Iterator[str]:
    """Find files that are missing, too many, or not what the code generates."""
    wanted = files()
    there = {file.name: file.read_text("utf-8") for file in folder.glob("*.sql")}
    for name in sorted(wanted.keys() | there.keys()):
        if wanted.get(name) != there.get(name):
            yield f"{folder.name}/{name} is not what the code says: run make views"


def mirrored(columns: dict[str, str]) -> Iterator[str]:
    """Compare the mirrored table, as name and BigQuery's type of each column, with what the views need."""
    for column in PERSONAL:
        if column.name not in columns:
            yield f"{SOURCE} has no column {column.name} yet"
        elif columns[column.name] != column.type:
            yield f"{SOURCE}.{column.name} is {columns[column.name]}, not {column.type}"
