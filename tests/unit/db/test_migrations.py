"""The migrations have a column for each shared field, and each has its rollback."""

import re
from pathlib import Path

import pytest

from datadeling.domain.felt import FELTER, Felt

_FILES = {
    file.name: file.read_text("utf-8")
    for file in sorted((Path(__file__).parents[3] / "migrations").glob("*.sql"))
}


def _altered(table: str, action: str, *, rollback: bool) -> set[str]:
    """Return the columns that migrations add to a table, or that their rollbacks drop."""
    return {
        column
        for name, text in _FILES.items()
        if name.endswith(".rollback.sql") is rollback
        for statement in re.findall(rf"^ALTER TABLE {table}\b[^;]*;", text, re.MULTILINE)
        for column in re.findall(rf"{action} COLUMN (?:IF (?:NOT )?EXISTS )?(\w+)", statement)
    }


# Of avtale_historikk, too, which began with the same columns.
_CREATED = re.findall(r"^    (\w+) ", _FILES["0001_avtale.sql"].split("\n);", 1)[0], re.MULTILINE)


@pytest.mark.parametrize("table", ["avtale", "avtale_historikk"])
@pytest.mark.parametrize("felt", FELTER, ids=lambda felt: felt.column)
def test_a_described_field_has_a_column(felt: Felt, table: str) -> None:
    if felt.column in _CREATED:
        return
    added = _altered(table, "ADD", rollback=False)
    assert felt.column in added, f"add {felt.column} to {table} in a migration in migrations/"
    dropped = _altered(table, "DROP", rollback=True)
    assert felt.column in dropped, f"drop {felt.column} of {table} in the rollback of its migration"


def test_every_migration_has_its_rollback() -> None:
    names = {name.removesuffix(".sql") for name in _FILES if not name.endswith(".rollback.sql")}
    without = {name for name in names if f"{name}.rollback.sql" not in _FILES}
    assert not without, f"write migrations/{without}.rollback.sql"
