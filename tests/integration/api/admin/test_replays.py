"""Replays requested over HTTP."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs, Request, request_of
from tests.hendelser import avtale_id
from tests.integration.api.admin.calls import NAV_IDENT, Admin
from tests.integration.api.admin.conftest import Log
from tests.integration.operations.replay.replaying import unread
from tests.integration.storing import TOPIC

_FNR = "15877512360"


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, TOPIC)


def ask(admin: Admin, **body: Any) -> int:
    return int(admin.post("replays", {"fromBeginning": True, **body}, 202)["id"])


@pytest.mark.parametrize(
    ("body", "request_"),
    [
        pytest.param({"fromBeginning": True}, Request(), id="from the beginning"),
        pytest.param(
            {"fromOffsets": {"0": 0, "12": 4711}, "toOffsets": {"12": 4800}},
            Request(from_offsets={0: 0, 12: 4711}, to_offsets={12: 4800}),
            id="offsets",
        ),
        pytest.param(
            {"fromTime": "2026-01-16T11:05:40.946+01:00", "toTime": "2026-02-01T00:00Z"},
            Request(
                from_time=datetime(2026, 1, 16, 10, 5, 40, 946_000, UTC),
                to_time=datetime(2026, 2, 1, tzinfo=UTC),
            ),
            id="times",
        ),
        pytest.param({"avtaleId": avtale_id(7).upper()}, Request(avtale_id=avtale_id(7)), id="an avtale"),
        pytest.param(
            {"fromBeginning": False, "avtaleId": avtale_id(7), "rate": 1},
            Request(avtale_id=avtale_id(7), rate=1),
            id="slowly",
        ),
    ],
)
def test_a_requested_replay_is_kept_for_a_consumer(
    body: dict[str, Any], request_: Request, admin: Admin, jobs: Jobs
) -> None:
    answer = admin.post("replays", body, 202)
    (row,) = jobs.waiting()
    assert request_of(row) == request_
    assert (row.id, row.state, row.background, row.requested_by) == (
        answer["id"], "requested", True, NAV_IDENT,
    )  # fmt: skip
    assert answer == admin.get(f"replays/{row.id}")


def test_a_replay_has_all_its_properties(admin: Admin, jobs: Jobs, connection: psycopg.Connection) -> None:
    replay = ask(admin, rate=10, begrunnelse="because")
    row = jobs.get(replay)
    assert admin.get(f"replays/{replay}") == {
        "id": replay,
        "state": "requested",
        "background": True,
        "fromOffsets": None,
        "fromTime": None,
        "toOffsets": None,
        "toTime": None,
        "avtaleId": None,
        "rate": 10,
        "requestedBy": NAV_IDENT,
        "begrunnelse": "because",
        "requestedAt": row.requested_at.isoformat(),
        "startedAt": None,
        "finishedAt": None,
        "error": None,
        "partitions": [],
        "tally": {
            "outcomes": dict.fromkeys(("new", "changed", "unchanged", "older", "deleted", "failed"), 0),
            "columns": {},
            "examples": {},
        },
    }
    connection.execute(
        "INSERT INTO consumer_offset (topic, kafka_partition, next_offset, historikk_fra)"
        " VALUES (%s, 0, 20, now())",
        (TOPIC,),
    )
    jobs.begin(row, [unread(0, 5, 20)])
    answer = admin.get(f"replays/{replay}")
    assert answer["state"] == "interrupted"  # nobody holds it
    assert answer["startedAt"]
    (partition,) = answer["partitions"]
    assert partition.pop("updatedAt")
    assert partition == {
        "partition": 0, "generation": 0, "fromOffset": 5, "nextOffset": 5, "toOffset": 20, "events": 0,
    }  # fmt: skip


def test_replays_are_listed_newest_first(admin: Admin) -> None:
    requested = [ask(admin) for _ in range(3)]
    assert [row["id"] for row in admin.get("replays")["replays"]] == requested[::-1]
    assert [row["id"] for row in admin.get("replays?limit=2")["replays"]] == requested[:0:-1]
    assert "partitions" not in admin.get("replays")["replays"][0]


def test_a_replay_is_cancelled_once(admin: Admin, jobs: Jobs, operator_log: Log) -> None:
    replay = ask(admin, begrunnelse="why")
    answer = admin.post(f"replays/{replay}/cancel", {"begrunnelse": "in vain"})
    assert (answer["state"], jobs.waiting()) == ("cancelled", [])
    assert answer["finishedAt"]
    problem = admin.post(f"replays/{replay}/cancel", {}, 409)
    assert problem["kode"] == "AVSLUTTET_REPLAY"
    assert operator_log() == [
        (NAV_IDENT, "replay", f"replay {replay}", "why"),
        (NAV_IDENT, "replay --cancel", f"replay {replay}", "in vain"),
    ]


@pytest.mark.parametrize("replay", ["1", "15877512360", "999999999999999999"])
def test_an_unknown_id_is_404(replay: str, admin: Admin, operator_log: Log) -> None:
    problem = admin.get(f"replays/{replay}", 404)
    assert problem["kode"] == "UKJENT_REPLAY"
    assert f" {replay}" not in problem["detail"]
    assert admin.post(f"replays/{replay}/cancel", {}, 404)["kode"] == "UKJENT_REPLAY"
    assert operator_log() == []


def test_replays_of_another_topic_are_404(admin: Admin, database: Database) -> None:
    other = Jobs(database, "another").add(Request(), OperatorAction("a test"), background=True)
    admin.get(f"replays/{other}", 404)
    admin.post(f"replays/{other}/cancel", {}, 404)
    assert admin.get("replays") == {"replays": []}


def test_identity_numbers_are_masked(admin: Admin, operator_log: Log, connection: psycopg.Connection) -> None:
    replay = ask(admin, begrunnelse=f"for {_FNR}")
    assert admin.get(f"replays/{replay}")["begrunnelse"] == "for ***********"
    assert operator_log()[0][3] == "for ***********"
    assert connection.execute("SELECT reason FROM replay_job").fetchall() == [("for ***********",)]
    by_hand = "UPDATE replay_job SET reason = %(fnr)s, error = %(fnr)s, requested_by = %(fnr)s"
    connection.execute(by_hand, {"fnr": _FNR})
    assert _FNR not in str(admin.get(f"replays/{replay}")) + str(admin.get("replays"))
    assert _FNR not in str(admin.get("consumer"))
