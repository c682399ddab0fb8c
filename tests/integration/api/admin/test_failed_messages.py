"""Messages that could not be used, seen and handled over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datadeling.api.admin import failed
from datadeling.pipeline import retry as retrying
from datadeling.pipeline.store import Store
from tests.hendelser import FNR, avtale_id, encoded, hendelse, melding, record
from tests.integration.api.admin.calls import NAV_IDENT, Admin
from tests.integration.api.admin.conftest import Log
from tests.integration.storing import TOPIC, clear, write

KEY = avtale_id(1).encode()
_NUMBER = "15877512360"


def mend(connection: psycopg.Connection, offset: int, value: bytes) -> None:
    """Stands for a release that can read it."""
    connection.execute("UPDATE failed_message SET value = %s WHERE kafka_offset = %s", (value, offset))


@contextmanager
def locked(db_url: str, partition: int) -> Iterator[None]:
    """Hold the lock of a partition, as a writer does."""
    with psycopg.connect(db_url) as other:
        key = "SELECT pg_advisory_xact_lock(hashtextextended('datadeling:' || %s, %s))"
        other.execute(key, (TOPIC, partition))
        yield


def test_a_list_can_be_narrowed(store: Store, admin: Admin) -> None:
    write(store, record(0, KEY, b"{"), record(1, KEY, b"\xff"), melding(1, offset=2), record(3, b"x", b"{"))

    def listed(query: str) -> list[str]:
        return [row["id"] for row in admin.get(f"failed-messages{query}")["failedMessages"]]

    assert listed("") == ["0:0:0", "0:0:1", "0:0:3"]
    assert listed("?state=superseded") == ["0:0:0", "0:0:1"]
    assert listed("?reason=not_utf8") == ["0:0:1"]
    assert listed("?state=new&reason=not_utf8") == []
    assert listed("?limit=2") == ["0:0:0", "0:0:1"]
    assert listed("?reason=' OR true --") == []


def test_a_message_is_shown_masked(store: Store, admin: Admin) -> None:
    value = encoded(hendelse(1, avtaleNr="x"))
    write(store, record(0, KEY, value))
    (row,) = admin.get("failed-messages")["failedMessages"]
    shown = admin.get("failed-messages/0:0:0")
    assert {**row, "value": shown["value"]} == shown
    assert (row["id"], row["state"], row["reason"], row["key"], row["attempts"], row["valueBytes"]) == (
        "0:0:0", "new", "invalid_field", avtale_id(1), 1, len(value),
    )  # fmt: skip
    assert FNR not in str(shown)
    assert "Kåre" not in str(shown)
    assert "ARBEIDSTRENING" in shown["value"]
    assert row["hendelseTidspunkt"].startswith("2026-01-01T00:00:00")


def test_a_message_without_key_and_value_is_shown(store: Store, admin: Admin) -> None:
    write(store, record(0, None, b"{"), record(1, b"42-1", None))
    assert admin.get("failed-messages/0:0:0")["key"] is None
    shown = admin.get("failed-messages/0:0:1")
    assert (shown["key"], shown["value"], shown["valueBytes"]) == ("00-0", None, None)


def test_a_long_message_is_shown_in_part(store: Store, admin: Admin) -> None:
    write(store, record(0, b"y" * 9_000, b"[" * 9_000))
    shown = admin.get("failed-messages/0:0:0")
    assert shown["value"].endswith("5000 more characters")
    assert shown["key"].endswith("5000 more characters")


def test_a_message_is_retried_by_the_rules_of_the_live_path(
    store: Store, admin: Admin, connection: psycopg.Connection, operator_log: Log
) -> None:
    write(store, record(0, KEY, b"{"), melding(1, offset=1), record(2, KEY, b"{"))
    assert admin.post("failed-messages/0:0:2/retry", {}) == {"outcomes": {"failed": 1}, "next": None}
    assert admin.get("failed-messages/0:0:2")["attempts"] == 2
    mend(connection, 0, encoded(hendelse(1, sistEndret="2020-01-01T00:00:00Z")))
    mend(connection, 2, encoded(hendelse(1, avtaleStatus="AVSLUTTET")))
    why = {"begrunnelse": "the new release reads it"}
    assert admin.post("failed-messages/0:0:0/retry", why)["outcomes"] == {"older": 1}
    assert admin.post("failed-messages/0:0:2/retry", {})["outcomes"] == {"changed": 1}
    assert connection.execute("SELECT avtale_status FROM avtale").fetchall() == [("AVSLUTTET",)]
    assert admin.get("failed-messages/0:0:2")["value"] is None
    assert admin.post("failed-messages/0:0:2/retry", {}, 409)["kode"] == "AVSLUTTET_MELDING"
    assert operator_log() == [
        (NAV_IDENT, "failed retry", "0:0:2", None),
        (NAV_IDENT, "failed retry", "0:0:0", "the new release reads it"),
        (NAV_IDENT, "failed retry", "0:0:2", None),
    ]


def test_a_retry_of_all_is_recorded_once(
    store: Store, admin: Admin, connection: psycopg.Connection, operator_log: Log
) -> None:
    write(store, *(record(n, avtale_id(n).encode(), b"{", partition=n % 2) for n in range(4)))
    mend(connection, 1, encoded(hendelse(1)))
    answer = admin.post("failed-messages/retry", {"begrunnelse": "again"})
    assert answer == {"outcomes": {"failed": 3, "new": 1}, "next": None}
    assert operator_log() == [(NAV_IDENT, "failed retry --all", TOPIC, "again")]


def test_nothing_to_retry_leaves_no_record(admin: Admin, operator_log: Log) -> None:
    assert admin.post("failed-messages/retry", {}) == {"outcomes": {}, "next": None}
    assert operator_log() == []


def test_a_long_retry_of_all_is_continued(
    store: Store, admin: Admin, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed, "_RETRY_FOR", -1.0)  # it is enough after the first page
    monkeypatch.setattr(retrying, "_PAGE", 2)
    write(store, *(record(n // 3, b"x", b"{", partition=n % 3) for n in range(9)))
    places: list[str] = []
    after: dict[str, str] = {}
    while (answer := admin.post("failed-messages/retry", after))["next"]:
        assert answer["outcomes"] in ({"failed": 1}, {"failed": 2})
        places.append(answer["next"])
        after = {"after": answer["next"]}
    assert places == ["0:0:1", "0:0:2", "0:1:1", "0:1:2", "0:2:1", "0:2:2"]
    assert connection.execute("SELECT DISTINCT attempts FROM failed_message").fetchall() == [(2,)]


def test_a_message_is_discarded_with_a_reason(
    store: Store, admin: Admin, connection: psycopg.Connection, operator_log: Log
) -> None:
    write(store, record(0, b"x", b"{"), record(1, b"x", b"["))
    admin.post("failed-messages/0:0:0/discard", {}, 400)
    why = {"begrunnelse": f"of {FNR}, sent by mistake"}
    shown = admin.post("failed-messages/0:0:0/discard", why)
    assert (shown["state"], shown["value"]) == ("discarded", None)
    rows = connection.execute("SELECT state, value FROM failed_message ORDER BY kafka_offset").fetchall()
    assert rows == [("discarded", None), ("new", b"[")]
    assert admin.post("failed-messages/0:0:0/discard", why, 409)["kode"] == "AVSLUTTET_MELDING"
    assert operator_log() == [
        (NAV_IDENT, "failed discard", "0:0:0", "of ***********, sent by mistake"),
    ]


@pytest.mark.parametrize(
    "place", ["0:0:1", "1:0:0", f"0:0:{_NUMBER}", "999999999:999999999:999999999999999999"]
)
def test_an_unknown_id_is_404(place: str, store: Store, admin: Admin, operator_log: Log) -> None:
    write(store, record(0, b"x", b"{"))
    problem = admin.get(f"failed-messages/{place}", 404)
    assert problem["kode"] == "UKJENT_MELDING"
    assert place not in str(problem)
    assert admin.post(f"failed-messages/{place}/retry", {}, 404)["kode"] == "UKJENT_MELDING"
    why = {"begrunnelse": "x"}
    assert admin.post(f"failed-messages/{place}/discard", why, 404)["kode"] == "UKJENT_MELDING"
    assert operator_log() == []


def test_a_locked_partition_is_503(store: Store, admin: Admin, db_url: str, operator_log: Log) -> None:
    write(store, record(0, b"x", b"{"))
    with locked(db_url, 0):
        problem = admin.post("failed-messages/0:0:0/discard", {"begrunnelse": "x"}, 503)
    assert problem["kode"] == "DATABASE_UTILGJENGELIG"
    assert operator_log() == []
    assert admin.get("failed-messages/0:0:0")["state"] == "new"


@st.composite
def _messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Key and value of a message that cannot be read, with the number of a person somewhere."""
    felt = draw(st.sampled_from(["deltakerFnr", "bedriftNr", "avtaleNr", "tiltakstype", "sistEndret", "x"]))
    form = draw(st.sampled_from(["{}", "Kari {}", "{} Nordmann", "2022-02-01T{}", "{}{}", "UT_{}", "{}-0"]))
    text = form.format(_NUMBER, _NUMBER)
    fields: dict[str, Any] = draw(
        st.sampled_from(
            [
                {felt: text},
                {felt: int(_NUMBER)},
                {felt: int(f"9{_NUMBER}")},
                {felt: float(f"0.{_NUMBER}")},
                {felt: {text: [text]}},
                {text: 1},
            ]
        )
    )
    whole = encoded(hendelse(1, **{**fields, "versjon": None}))
    around = st.binary(max_size=20)
    wherever = draw(around) + _NUMBER.encode() + draw(around)
    key = draw(st.sampled_from([KEY, wherever, text.encode()]))
    return key, draw(st.sampled_from([whole, whole, whole, whole[:-9], wherever]))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(message=_messages())
def test_no_response_has_an_identity_number_of_a_message(
    store: Store, admin: Admin, connection: psycopg.Connection, message: tuple[bytes, bytes]
) -> None:
    clear(connection)
    connection.execute("TRUNCATE replay_job CASCADE")
    write(store, record(0, *message))
    assert len(admin.get("failed-messages")["failedMessages"]) == 1
    why = {"begrunnelse": f"for {_NUMBER}"}
    answers = [
        admin.call("GET", "failed-messages"),
        admin.call("GET", "failed-messages/0:0:0"),
        admin.call("POST", "failed-messages/0:0:0/retry", why),
        admin.call("POST", "failed-messages/retry", why),
        admin.call("POST", "replays", {"avtaleId": avtale_id(1), **why}),
        admin.call("GET", "consumer"),
        admin.call("POST", "failed-messages/0:0:0/discard", why),
    ]
    assert {answer.status_code for answer in answers} == {200, 202}
    assert not [answer.text for answer in answers if _NUMBER in answer.text]
