"""Every lookup that can be put together is understood by the migrated schema, and reads only what it must."""

import itertools
import re

import psycopg
import pytest

from datadeling.db.select_list import lookup
from datadeling.domain.felt import BY_NAME, FELTER

_STATEMENTS = ("tiltaksstatus", "tiltaksstatus_bolk", "search_avtaler", "find_avtale")
_CRITERIA = (
    "by_identer", "by_bedrift_nr", "by_tiltakstype", "by_avtale_status", "by_avtale_id", "by_avtale_nr",
    "by_fom", "by_tom", "by_marker", "is_tiltak", "is_shown", "is_still_shown",
)  # fmt: skip


@pytest.mark.parametrize("as_of", [False, True])
@pytest.mark.parametrize("statement", _STATEMENTS)
def test_a_lookup_can_be_prepared_with_any_criteria(
    statement: str, as_of: bool, connection: psycopg.Connection
) -> None:
    several = [*itertools.combinations(_CRITERIA, 1), *itertools.combinations(_CRITERIA, 2), _CRITERIA]
    for criteria in several:
        text = lookup(statement, tuple(BY_NAME.values()), criteria, as_of=as_of).decode()
        names: list[str] = []

        def number(match: re.Match[str], names: list[str] = names) -> str:
            if match[1] not in names:
                names.append(match[1])
            return f"${names.index(match[1]) + 1}"

        connection.execute("PREPARE checked AS " + re.sub(r"%\((\w+)\)s", number, text))
        connection.execute("DEALLOCATE checked")


@pytest.mark.parametrize("as_of", [False, True])
@pytest.mark.parametrize("felt", FELTER, ids=lambda felt: felt.json)
def test_only_the_fields_asked_for_are_read(felt: object, as_of: bool) -> None:
    """But for those that say which avtaler are meant, and in what order."""
    wanted = BY_NAME[getattr(felt, "json", "")]
    text = lookup("search_avtaler", (wanted,), ("by_identer", "is_shown"), as_of=as_of).decode()
    answer = text.split("INSERT INTO")[0]
    anyway = {"avtale_id", "deltaker_fnr", "feilregistrert", "opprettet_tidspunkt"}
    order = {"endret_tidspunkt"} if as_of else set()  # which of two versions is the newer one
    read = {each.column for each in FELTER if re.search(rf"\b{each.column}\b", answer)}
    assert read == {wanted.column} | anyway | order
