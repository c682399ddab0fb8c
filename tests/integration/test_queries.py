"""Every statement can be prepared on the migrated schema."""

import re

import psycopg
import pytest
from psycopg import sql

from datadeling.db.queries import columns, load, queries
from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import FELTER

_UTILITY = ("ALTER", "COPY", "CREATE", "DROP", "GRANT", "REVOKE")  # PostgreSQL cannot prepare these


def test_the_columns_in_the_code_are_those_of_the_table(connection: psycopg.Connection) -> None:
    for table, extra in (("avtale", ()), ("avtale_historikk", ("gyldig_fra", "gyldig_til"))):
        rows = connection.execute(
            "SELECT attname FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            (table,),
        ).fetchall()
        there, wanted = {name for (name,) in rows}, {*COLUMNS, *extra}
        assert not wanted - there, f"add {wanted - there} to {table} in a migration"
        assert not there - wanted, f"add {there - wanted} of {table} to Avtale in datadeling/domain/avtale.py"


def test_every_table_and_column_has_a_comment(connection: psycopg.Connection) -> None:
    rows = connection.execute("""
        SELECT c.relname, a.attname FROM pg_class c
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname !~ 'yoyo'
          AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
    """).fetchall()
    assert rows == []


def test_fields_are_nullable_as_in_the_schema(connection: psycopg.Connection) -> None:
    rows = connection.execute(
        "SELECT attname, NOT attnotnull FROM pg_attribute WHERE attrelid = 'avtale'::regclass AND attnum > 0"
    ).fetchall()
    nullable: dict[str, bool] = dict(rows)
    assert {felt.column: felt.nullable for felt in FELTER} == {f.column: nullable[f.column] for f in FELTER}


# Parts of lookups, and what they are put together from: `test_lookup_statements` prepares the wholes.
_COMPOSED = load(("criteria.sql", "lookups.sql")).keys() - {"ping"}
_COMPOSED |= {"audited", "audited_many", "record"}
_OF_MONTHS = {"create_lookup_log_month", "attach_lookup_log_month", "comment_lookup_log_month"}
_OF_MONTHS |= {"drop_lookup_log_month", "hurry"}


def _text(name: str) -> str:
    """Return a statement without the comments before it."""
    return re.sub(r"\A(--.*\n)+", "", queries[name].as_string().lstrip())


_PREPARED = [name for name in queries.keys() - _COMPOSED - _OF_MONTHS if not _text(name).startswith(_UTILITY)]


@pytest.mark.parametrize("name", sorted(_PREPARED))
def test_a_statement_can_be_prepared(name: str, connection: psycopg.Connection) -> None:
    text = _text(name)
    connection.execute(queries["create_changed"])
    for part in re.findall(r"\{(\w+)\}", text):
        table = "endret_avtale" if part == "changed_columns" else None
        text = text.replace(f"{{{part}}}", columns(*COLUMNS, table=table).as_string())
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    statement = re.sub(r"%\((\w+)\)s", number, text)
    connection.execute(sql.SQL("PREPARE checked AS " + statement))
