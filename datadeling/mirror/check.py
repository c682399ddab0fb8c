"""Finds what has been forgotten between the table, the views and the files."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from datadeling.mirror import ddl
from datadeling.mirror.columns import LEFT_OUT, PERSONAL, WITHOUT_IDENTS
from datadeling.mirror.views import SOURCE

# What a column is called that points out somebody, however its field is described.
_IDENT = re.compile(r"(^|_)(fnr|ident|identer|aktor(id)?|navn|fornavn|etternavn|tlf|epost|kontonummer)(_|$)")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def forgotten(table: Collection[str]) -> Iterator[str]:
    """What is wrong between the columns of `avtale` and the views: a line for each, none when all is well."""
    told = {column.name for column in PERSONAL}
    for name in table:
        if name not in told and name not in LEFT_OUT:
            yield f"{name} is in no view: describe it in domain/felt.py, or add it to LEFT_OUT with a reason"
        if not _NAME.fullmatch(name):
            yield f"{name} is no name that Datastream takes to BigQuery: small letters a to z, digits and _"
    for name in sorted((told | LEFT_OUT.keys()) - set(table)):
        yield f"{name} is no column of avtale"
    for name in sorted(told & LEFT_OUT.keys()):
        yield f"{name} is in a view, and in LEFT_OUT"


def idents() -> Iterator[str]:
    """Columns of the view without persons that are called after one: their field is not marked as such."""
    for column in WITHOUT_IDENTS:
        if _IDENT.search(column.name):
            yield f"{column.name} is in avtale_uten_personident: mark its sensitivity in domain/felt.py"


def outdated(folder: Path) -> Iterator[str]:
    """Files that are missing, too many, or not what the code says."""
    wanted = ddl.files()
    found = {file.name: file.read_text("utf-8") for file in folder.glob("*.sql")}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield f"{folder.name}/{name} is not what the code says: run make views"


def mirrored(columns: dict[str, str]) -> Iterator[str]:
    """What stands in the way of the views in the mirrored table: its columns, and BigQuery's type of each."""
    for column in PERSONAL:
        if column.name not in columns:
            yield f"{SOURCE} has no column {column.name} yet"
        elif columns[column.name] != column.type:
            yield f"{SOURCE}.{column.name} is {columns[column.name]}, not {column.type}"
