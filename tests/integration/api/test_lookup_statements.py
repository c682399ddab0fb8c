"""Every lookup that can be put together is understood by the migrated schema, and reads only what it must."""

import itertools
import re

import psycopg
import pytest

from datadeling.db.coalesce import Statement
from datadeling.db.lookup_sql import Fields, lookup
from datadeling.domain.felt import BY_NAME, FELTER, Felt

_ABOUT_ONE = ("tiltaksstatus", "search_avtaler", "find_avtale", "list_avtaler")
_STATEMENTS = [(name, together) for name in _ABOUT_ONE for together in (False, True)]
_STATEMENTS.append(("tiltaksstatus_bolk", False))
_CRITERIA = (
    "by_identer", "by_fnr", "by_bedrift_nr", "by_tiltakstype", "by_avtale_status", "by_avtale_id",
    "by_avtale_nr", "by_fom", "by_tom", "by_marker", "is_tiltak", "is_shown", "is_still_shown",
)  # fmt: skip


@pytest.mark.parametrize("as_of", [False, True])
@pytest.mark.parametrize(("statement", "many"), _STATEMENTS)
def test_a_lookup_can_be_prepared_with_any_criteria(
    statement: str, many: bool, as_of: bool, connection: psycopg.Connection
) -> None:
    several = [*itertools.combinations(_CRITERIA, 1), *itertools.combinations(_CRITERIA, 2), _CRITERIA]
    for criteria in several:
        text = lookup(statement, tuple(BY_NAME.values()), criteria, source="as_of" if as_of else "avtale")
        _prepare(connection, text.many if many else text.single)


def test_the_lookup_of_versions_can_be_prepared(connection: psycopg.Connection) -> None:
    for felter in (FELTER, FELTER[:1]):
        for text in versions(felter):
            _prepare(connection, text)


def versions(felter: Fields) -> Statement:
    return lookup("list_versions", felter, ("by_avtale_id", "is_still_shown"), source="versions")


def _prepare(connection: psycopg.Connection, statement: bytes) -> None:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    connection.execute("PREPARE checked AS " + re.sub(r"%\((\w+)\)s", number, statement.decode()))
    connection.execute("DEALLOCATE checked")


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("as_of", [False, True])
@pytest.mark.parametrize("felt", FELTER, ids=lambda felt: felt.json)
def test_only_the_requested_fields_are_read(felt: object, as_of: bool, many: bool) -> None:
    """Apart from those that select and order the avtaler."""
    wanted = BY_NAME[getattr(felt, "json", "")]
    criteria = ("by_identer", "is_shown")
    text = lookup("search_avtaler", (wanted,), criteria, source="as_of" if as_of else "avtale")[many].decode()
    anyway = {"avtale_id", "deltaker_fnr", "feilregistrert", "opprettet_tidspunkt"}
    order = {"endret_tidspunkt"} if as_of else set()  # which of two versions is the newer one
    assert _read(text) == {wanted.column} | anyway | order


@pytest.mark.parametrize("felt", FELTER, ids=lambda felt: felt.json)
def test_only_the_requested_fields_of_versions_are_read(felt: Felt) -> None:
    anyway = {"avtale_id", "deltaker_fnr", "feilregistrert", "endret_tidspunkt"}
    assert _read(versions((felt,)).single.decode()) == {felt.column} | anyway


def _read(text: str) -> set[str]:
    answer = text.split("oppslag AS MATERIALIZED (")[1].split("recorded AS (", maxsplit=1)[0]
    return {each.column for each in FELTER if re.search(rf"\b{each.column}\b", answer)}
