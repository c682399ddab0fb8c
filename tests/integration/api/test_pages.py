"""Pages of a search, while avtaler come, change and go: nothing is passed over, nothing comes twice."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from datadeling.api.v1.avtaler import Markoer
from datadeling.db.lookups import Lookups
from datadeling.domain.felt import BY_NAME
from datadeling.domain.search import Search
from tests.integration.api.lookups import CONTEXT
from tests.integration.api.rows import FNR, OTHER_FNR, avtale_id, insert, row

_FELTER = (BY_NAME["avtaleId"],)
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_TIMES = (
    datetime(1, 1, 1, tzinfo=UTC),
    _BEGINNING,
    _BEGINNING + timedelta(microseconds=1),
    _BEGINNING + timedelta(microseconds=2),
    datetime(9999, 12, 31, 12, 59, 59, 999_999, tzinfo=UTC),
)
_numbers = st.integers(0, 15)
_times = st.sampled_from(_TIMES)
# Between two pages: some come, some change, some are no longer the person's, some go.
_deeds = st.lists(st.tuples(st.sampled_from(["come", "change", "leave", "go"]), _numbers, _times), max_size=3)


class _Table:
    """The rows of one person, and those that there have been since the first page."""

    def __init__(self, connection: psycopg.Connection, rows: dict[int, datetime]) -> None:
        self._connection = connection
        connection.execute("DELETE FROM avtale")
        insert(connection, (row(number, opprettet_tidspunkt=time) for number, time in rows.items()))
        self._avtaler = dict(rows)
        self._known = dict(rows)  # of those that leave, too: the time never changes
        self.always = set(rows)
        self.ever = set(rows)

    def do(self, deed: str, number: int, time: datetime) -> None:
        match deed:
            case "come" if number not in self._known:
                insert(self._connection, [row(number, opprettet_tidspunkt=time)])
                self._avtaler[number] = self._known[number] = time
                self.ever.add(number)
            case "change":
                self._set(number, "versjon = versjon + 1, endret_tidspunkt = now()")
            case "leave":
                self._set(number, f"deltaker_fnr = '{OTHER_FNR}'")
                self._take(number)
            case "go":
                self._connection.execute("DELETE FROM avtale WHERE avtale_id = %s", (avtale_id(number),))
                self._take(number)

    def after(self, number: int) -> list[int]:
        """Those that stand after one in the answer."""
        place = (self._known[number], number)
        return [other for other, time in self._avtaler.items() if (time, other) < place]

    def count(self) -> int:
        return len(self._avtaler)

    def _take(self, number: int) -> None:
        self._avtaler.pop(number, None)
        self.always.discard(number)

    def _set(self, number: int, changed: str) -> None:
        self._connection.execute(f"UPDATE avtale SET {changed} WHERE avtale_id = %s", (avtale_id(number),))


def test_pages_have_every_avtale_once(lookups: Lookups, connection: psycopg.Connection) -> None:
    @settings(max_examples=300)
    @given(st.dictionaries(_numbers, _times, max_size=12), st.integers(1, 5), st.data())
    def check(rows: dict[int, datetime], most: int, data: st.DataObject) -> None:
        table = _Table(connection, rows)
        seen: list[int] = []
        marker = None
        while True:
            answer = msgspec.json.decode(
                lookups.search(CONTEXT, Search(identer=[FNR], marker=marker), _FELTER, most)
            )
            page = [int(avtale["avtaleId"][-4:], 16) for avtale in answer["avtaler"]]
            seen += page
            if answer["markoer"] is None:
                assert len(page) <= most
                break
            assert len(page) == most
            assert table.after(page[-1])
            marker = Markoer().deserialize(answer["markoer"])
            for deed in data.draw(_deeds):
                table.do(*deed)
        assert len(seen) == len(set(seen))
        assert table.always <= set(seen) <= table.ever
        assert not seen or not page or not table.after(page[-1])
        if table.always == table.ever == set(rows):
            assert seen == sorted(rows, key=lambda number: (rows[number], number), reverse=True)

    check()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6])
def test_the_marker_is_null_on_the_last_page_and_only_there(
    count: int, client: FlaskClient, connection: psycopg.Connection
) -> None:
    insert(connection, (row(number, opprettet_tidspunkt=_BEGINNING) for number in range(count)))
    pages = _pages(client, {"fnr": FNR, "antall": 2, "felter": ["avtaleNr"]})
    assert len(pages) == max(1, -(-count // 2))
    assert [avtale["avtaleNr"] for page in pages for avtale in page] == [*reversed(range(count))]


def test_pages_of_any_search_join_to_the_whole_result(
    client: FlaskClient, connection: psycopg.Connection
) -> None:
    """Also as of a time, and whichever fields are requested: the marker needs none of them."""
    insert(connection, (row(number, opprettet_tidspunkt=_TIMES[number % 5]) for number in range(9)))
    then = (_BEGINNING + timedelta(days=9)).isoformat()
    for body in ({"bedriftNr": "999999999"}, {"identer": [OTHER_FNR, FNR]}, {"fnr": FNR, "tidspunkt": then}):
        criteria = {**body, "periode": {"fom": "2026-01-01"}, "antall": 4, "felter": ["avtaleNr"]}
        pages = _pages(client, criteria)
        assert [len(page) for page in pages] == [4, 4, 1]
        assert [avtale["avtaleNr"] for page in pages for avtale in page] == [4, 8, 3, 7, 2, 6, 1, 5, 0]


@pytest.mark.parametrize("time", ["infinity", "-infinity", "0044-03-15 00:00 BC", "294276-12-31"])
def test_a_marker_with_an_extreme_time_is_answered(
    time: str, client: FlaskClient, connection: psycopg.Connection
) -> None:
    """No message can bring one; if there is one all the same, only its own page has no next one."""
    insert(connection, (row(number) for number in range(3)))
    connection.execute(
        "UPDATE avtale SET opprettet_tidspunkt = %s WHERE avtale_id <> %s", (time, avtale_id(0))
    )
    criteria = {"fnr": FNR, "felter": ["avtaleNr"]}
    page = client.post("/api/v1/avtaler/sok", json=criteria).json
    assert page
    assert len(page["avtaler"]) == 3
    first = client.post("/api/v1/avtaler/sok", json={**criteria, "antall": 1}).json
    assert first
    answer = client.post("/api/v1/avtaler/sok", json={**criteria, "markoer": first["markoer"]})
    assert answer.status_code in {200, 400}


def _pages(client: FlaskClient, body: dict[str, Any]) -> list[list[dict[str, Any]]]:
    pages = []
    marker = None
    while True:
        response = client.post(
            "/api/v1/avtaler/sok",
            data=json.dumps({**body, "markoer": marker}),
            content_type="application/json",
        )
        assert response.status_code == 200
        assert isinstance(response.json, dict)
        pages.append(response.json["avtaler"])
        marker = response.json["markoer"]
        if marker is None:
            return pages
