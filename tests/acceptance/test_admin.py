"""Administrators over HTTP, beside a consumer that runs their replays."""

import json
from typing import Any

import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.operating import Operator, Stored
from tests.acceptance.processes import Answer, Process, call, number
from tests.acceptance.replaying import checksum
from tests.hendelser import FNR, avtale_id, encoded, hendelse, melding, record
from tests.waiting import wait_until

GROUP = "00000000-0000-4000-8000-00000000ad31"
AVTALER = 60


class Admin:
    """Requests of an administrator, with a token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/v1/admin"
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, path: str, body: object = None) -> Answer:
        sent = None if body is None else json.dumps(body).encode()
        return call(f"{self._url}/{path}", body=sent, headers=self._headers)

    def read(self, path: str, body: object = None, status: int = 200) -> Any:
        answer = self.send(path, body)
        assert answer.status == status, answer.body
        assert FNR not in answer.body
        return json.loads(answer.body)


@pytest.fixture
def serve(run: Run, api: Setting, consumer: Setting) -> Process:
    env = {**api.env, "KAFKA_TOPIC": consumer.env["KAFKA_TOPIC"], "ADMIN_GROUP": GROUP}
    process = run(env, "serve")
    process.answers(f"{api.url}/internal/health/readiness")
    return process


@pytest.fixture
def admin(serve: Process, api: Setting, issuer: TokenIssuer) -> Admin:  # noqa: ARG001 (it has to run)
    of_person: dict[str, Any] = {"idtyp": None, "scp": "defaultaccess", "NAVident": "Z999999"}
    return Admin(api.url, issuer.token(CLIENT_ID, roles=(), groups=[GROUP], **of_person))


def test_the_consumer_runs_a_replay_requested_over_http(
    stored: Stored, admin: Admin, serve: Process, connection: psycopg.Connection
) -> None:
    stored([melding(n, partition=n % 3) for n in range(AVTALER)])
    before = checksum(connection)
    connection.execute("UPDATE avtale SET opphav = 'lost' WHERE avtale_nr < 10")
    reason = f"for {FNR}, as agreed"
    replay = admin.read("replays", {"fromBeginning": True, "begrunnelse": reason}, 202)
    assert replay["state"] == "requested"
    path = f"replays/{replay['id']}"
    wait_until(lambda: admin.read(path)["state"] == "done", "a consumer has run it")
    done = admin.read(path)
    assert {name: n for name, n in done["tally"]["outcomes"].items() if n} == {
        "changed": 10, "unchanged": AVTALER - 10,
    }  # fmt: skip
    assert done["tally"]["columns"] == {"opphav": 10}
    assert set(done["tally"]["examples"]["changed"]) == {avtale_id(n) for n in range(10)}
    assert [(p["partition"], p["nextOffset"], p["toOffset"]) for p in done["partitions"]] == [
        (p, AVTALER // 3, AVTALER // 3) for p in range(3)
    ]
    assert sum(p["events"] for p in done["partitions"]) == AVTALER
    assert (done["requestedBy"], done["begrunnelse"]) == ("Z999999", "for ***********, as agreed")
    assert checksum(connection) == before

    state = admin.read("consumer")
    assert state["health"] == {"ready": True, "faults": []}
    assert [p["nextOffset"] for p in state["partitions"]] == [AVTALER // 3] * 3
    assert admin.send(f"{path}/cancel", {}).status == 409
    assert FNR not in serve.output


def test_a_replay_is_cancelled_over_http_while_it_runs(
    stored: Stored, admin: Admin, connection: psycopg.Connection
) -> None:
    stored([melding(n, partition=n % 3) for n in range(AVTALER)])
    replay = admin.read("replays", {"fromOffsets": {"0": 0, "1": 0}, "rate": 5}, 202)["id"]
    wait_until(lambda: admin.read("consumer")["replays"] != [], "it is under way")
    wait_until(lambda: admin.read(f"replays/{replay}")["state"] == "running", "a consumer runs it")
    assert admin.read(f"replays/{replay}/cancel", {"begrunnelse": "enough"})["state"] == "cancelled"
    next_one = admin.read("replays", {"avtaleId": avtale_id(1)}, 202)["id"]
    wait_until(lambda: admin.read(f"replays/{next_one}")["state"] == "done", "the consumer goes on")
    assert number(connection, f"SELECT sum(events) FROM replay_job_partition WHERE job_id = {replay}") < 40
    assert [row["state"] for row in admin.read("replays")["replays"]] == ["done", "cancelled"]


def test_failed_messages_are_retried_and_discarded_over_http(
    stored: Stored, admin: Admin, operator: Operator, connection: psycopg.Connection
) -> None:
    bad = [record(0, avtale_id(n).encode(), encoded(hendelse(n, avtaleNr="x")), partition=1) for n in (1, 2)]
    stored([melding(3, partition=1), *bad])
    rows = admin.read("failed-messages?state=new")["failedMessages"]
    assert [row["id"] for row in rows] == ["0:1:1", "0:1:2"]
    shown = admin.read("failed-messages/0:1:1")
    assert "Kåre" not in shown["value"]
    assert admin.read("failed-messages/retry", {})["outcomes"] == {"failed": 2}
    connection.execute(
        "UPDATE failed_message SET value = %s WHERE kafka_offset = 1", (encoded(hendelse(1)),)
    )  # stands for a release that can read it
    assert admin.read("failed-messages/0:1:1/retry", {})["outcomes"] == {"new": 1}
    admin.read("failed-messages/0:1:2/discard", {"begrunnelse": "the producer sent it again"})
    assert [row["state"] for row in operator.json("failed", "list")] == ["resolved", "discarded"]
    assert number(connection, "SELECT count(*) FROM avtale") == 2
    failed = admin.read("consumer")["failedMessages"]
    assert failed == {"new": 0, "resolved": 1, "superseded": 0, "discarded": 1}
    log = connection.execute("SELECT who, command, reason FROM operator_log ORDER BY id").fetchall()
    assert log == [
        ("Z999999", "failed retry --all", None),
        ("Z999999", "failed retry", None),
        ("Z999999", "failed discard", "the producer sent it again"),
    ]


@pytest.mark.usefixtures("serve")
def test_a_token_without_the_group_may_not_call_admin(
    stored: Stored, api: Setting, issuer: TokenIssuer, connection: psycopg.Connection
) -> None:
    stored([melding(1)])
    stranger = Admin(api.url, issuer.token(CLIENT_ID))
    problem = stranger.read("replays", {"fromBeginning": True}, 403)
    assert (problem["kode"], problem["mangler"], problem["roller"]) == (
        "MANGLER_GRUPPE", GROUP, ["access_as_application"],
    )  # fmt: skip
    assert number(connection, "SELECT count(*) FROM replay_job") == 0
