"""As-of lookups against a plain version of them, for any versions that were really stored."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datadeling.db.lookups import Lookups
from datadeling.domain.felt import BY_NAME
from datadeling.domain.search import Search
from datadeling.pipeline.store import Store
from tests.hendelser import EPOCH, melding
from tests.hendelser import FNR as HENDELSE_FNR
from tests.integration.api.lookups import CONTEXT
from tests.integration.api.versions import (
    EMPLOYERS,
    PERSONS,
    STATES,
    Content,
    Entry,
    known_at,
    logs,
    times,
    versions,
)
from tests.integration.storing import write

_FELTER = tuple(BY_NAME[name] for name in ("avtaleNr", "deltakerFnr", "bedriftNr", "avtaleStatus"))
_DAY = date(2022, 3, 1)
_identer = st.lists(st.sampled_from(PERSONS), min_size=1, max_size=2, unique=True)
_searches: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"feilregistrerte": st.booleans()},
    optional={
        "identer": _identer,
        "bedrift_nr": st.sampled_from(EMPLOYERS),
        "avtale_status": st.sampled_from(STATES),
        "avtale_nr": st.integers(1, 3),
    },
).filter(lambda wanted: len(wanted) > 1)


@pytest.mark.parametrize(
    ("minutes", "known"),
    [
        pytest.param([1, 3, 5], {0: None, 1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 6: 2}, id="forwards"),
        pytest.param([3, 1, 5], {0: None, 1: 1, 4: 1, 5: 2}, id="the first one came late: never alone"),
        pytest.param([1, 5, 3], {2: 0, 3: 2, 5: 2}, id="the present one runs backwards"),
        pytest.param([1, 5, 2, 6], {1: 0, 2: 2, 3: 2, 5: 2, 6: 3}, id="two were valid: the newer one"),
        pytest.param([2, 2, 2], {1: None, 2: 2}, id="all at once"),
    ],
)
def test_the_newest_version_at_the_time_is_found(
    minutes: list[int], known: dict[int, int | None], lookups: Lookups, store: Store
) -> None:
    for offset, minute in enumerate(minutes):
        time = EPOCH + timedelta(minutes=minute)
        write(store, melding(offset=offset, versjon=offset)._replace(timestamp=time))
    for minute, version in known.items():
        search = Search(identer=[HENDELSE_FNR], tidspunkt=EPOCH + timedelta(minutes=minute))
        answer = msgspec.json.decode(lookups.search(CONTEXT, search, (BY_NAME["versjon"],), 10))
        assert answer["avtaler"] == ([] if version is None else [{"versjon": version}]), minute


def test_any_search_finds_the_versions_of_the_time(
    lookups: Lookups, store: Store, connection: psycopg.Connection
) -> None:
    @settings(max_examples=250)
    @given(logs(), st.data())
    def check(log: list[Entry], data: st.DataObject) -> None:
        _store(store, connection, log)
        for _ in range(4):
            time, wanted = data.draw(times), data.draw(_searches)
            answer = lookups.search(CONTEXT, Search(tidspunkt=time, **wanted), _FELTER, 100)
            known = known_at(log, time, feilregistrerte=wanted["feilregistrerte"])
            found = msgspec.json.decode(answer)["avtaler"]
            assert found == [
                _as_json(n, known[n]) for n in (3, 2, 1) if n in known and _fits(n, known[n], wanted)
            ]

    check()


def test_the_status_of_any_person_is_that_of_the_time(
    lookups: Lookups, store: Store, connection: psycopg.Connection
) -> None:
    @settings(max_examples=150)
    @given(logs(), times, _identer)
    def check(log: list[Entry], time: datetime, identer: list[str]) -> None:
        _store(store, connection, log)
        known = known_at(log, time)
        of_person = [n for n in sorted(known) if known[n].fnr in identer and known[n].state != "ANNULLERT"]
        stored = msgspec.json.decode(lookups.tiltaksstatus(CONTEXT, identer, _DAY, _FELTER, time))
        assert stored["naavaerende"] == [_as_json(n, known[n]) for n in of_person]
        assert stored["antall"] == len(of_person)
        bolk = msgspec.json.decode(lookups.tiltaksstatus_bolk(CONTEXT, [["1"], identer], _DAY, _FELTER, time))
        assert bolk["resultater"][0]["antall"] == 0
        begins = bolk["historikkKomplettFra"]
        assert {**bolk["resultater"][1], "historikkKomplettFra": begins} == {"kode": "OK", **stored}

    check()


def test_history_has_all_versions_with_their_validity(
    lookups: Lookups, store: Store, connection: psycopg.Connection
) -> None:
    @settings(max_examples=150)
    @given(logs())
    def check(log: list[Entry]) -> None:
        _store(store, connection, log)
        expected = versions(log)
        for number in (1, 2, 3):
            answer = lookups.history(CONTEXT, f"{number:032x}", _FELTER)
            stored = expected.get(number, [])
            if not stored or stored[-1].content.feilregistrert:
                assert answer is None
                continue
            found = msgspec.json.decode(answer or "")["versjoner"][::-1]
            assert [each["avtale"] for each in found] == [_as_json(number, each.content) for each in stored]
            since = [version.since for version in stored]
            assert [datetime.fromisoformat(each["gyldigFra"]) for each in found] == since
            until = [max(pair) for pair in pairwise(since)]
            assert [datetime.fromisoformat(each["gyldigTil"]) for each in found[:-1]] == until
            assert found[-1]["gyldigTil"] is None
            assert [each["endret"] for each in found] == _changes([each["avtale"] for each in found])

    check()


def _store(store: Store, connection: psycopg.Connection, log: list[Entry]) -> None:
    """In two batches, so that versions meet each other in one and in the tables."""
    for table in ("avtale", "avtale_historikk", "avtale_slettet", "consumer_offset"):
        connection.execute(f"DELETE FROM {table}")  # a hundred rows: TRUNCATE takes longer
    half = len(log) // 2
    for batch in (log[:half], log[half:]):
        write(store, *(entry.melding for entry in batch))


def _as_json(number: int, content: Content) -> dict[str, Any]:
    return {
        "avtaleNr": number,
        "deltakerFnr": content.fnr,
        "bedriftNr": content.bedrift,
        "avtaleStatus": content.state,
    }


def _fits(number: int, content: Content, wanted: dict[str, Any]) -> bool:
    return (
        ("identer" not in wanted or content.fnr in wanted["identer"])
        and wanted.get("bedrift_nr", content.bedrift) == content.bedrift
        and wanted.get("avtale_status", content.state) == content.state
        and wanted.get("avtale_nr", number) == number
    )


def _changes(states: list[dict[str, Any]]) -> list[list[str]]:
    """The fields that differ from the state before."""
    changed: Iterable[list[str]] = (
        [name for name in later if later[name] != earlier[name]] for earlier, later in pairwise(states)
    )
    return [[], *changed][: len(states)]
