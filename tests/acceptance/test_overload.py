"""Slow clients, large bodies and more requests than the limits allow, over a real `serve`."""

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psutil
import psycopg
import pytest

from datadeling.demo.issuer import TokenIssuer
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.lookups import CALLS, Call, look_up
from tests.acceptance.processes import Answer, Process, call, number
from tests.hendelser import FNR
from tests.integration.api.rows import avtale_id
from tests.waiting import wait_until

_PERSON = json.dumps({"fnr": FNR}).encode()


@pytest.fixture
def serve(run: Run, api: Setting, request: pytest.FixtureRequest) -> Iterator[Process]:
    process = run({**api.env, **getattr(request, "param", {})}, "serve")
    process.answers(f"{api.url}/internal/health/readiness")
    yield process
    assert "Traceback" not in process.output
    assert FNR not in process.output


@pytest.mark.parametrize("serve", [{"WEB_CONCURRENCY": "1"}], indirect=True)
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"POST /api/v1/tiltaksstatus HTTP/1.1\r\nHos", id="half a head"),
        pytest.param(
            b"POST /api/v1/tiltaksstatus HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 22\r\nBehandlingsnummer: B123\r\nAuthorization: Bearer %s\r\n\r\n{",
            id="half a body",
        ),
    ],
)
@pytest.mark.usefixtures("serve")
def test_clients_that_stop_sending_are_disconnected_and_others_are_answered(
    sent: bytes, api: Setting, token: str
) -> None:
    """The time limit is 10 s."""
    with ExitStack() as stack:
        silent = [stack.enter_context(_connected(api)) for _ in range(32 if sent == b"" else 4)]
        for client in silent:
            client.sendall(sent.replace(b"%s", token.encode()))
        wait_until(lambda: _is_answered(api, token), "another client is answered")
        for client in silent:
            _read_to_the_end(client)


@pytest.mark.parametrize("path", ["tiltaksstatus", "tiltaksstatus/bolk"])
@pytest.mark.usefixtures("serve")
def test_a_body_that_is_too_large_is_refused_and_the_next_request_is_answered(
    path: str, api: Setting, token: str
) -> None:
    person: object = {"fnr": FNR}
    body = json.dumps({"personer": [person]} if path.endswith("bolk") else person).encode()
    most = (512 if path.endswith("bolk") else 64) * 1024
    # Where a chunked body ends is known only beyond the limit: it is refused at the limit already.
    for size, status, is_chunked in ((most, 200, False), (most + 1, 413, False), (most, 413, True)):
        with _connected(api) as client:
            client.sendall(_request(path, token, body.ljust(size), is_chunked=is_chunked))
            assert _read_answer(client).startswith(b"HTTP/1.1 %d " % status)
            with suppress(ConnectionResetError, BrokenPipeError):  # it may close instead
                client.sendall(_request(path, token, body))
                after = client.recv(65_536)
                assert not after or after.startswith(b"HTTP/1.1 200 ")
    assert _ask(api, token).status == 200


@pytest.mark.usefixtures("serve")
def test_a_compressed_body_is_refused(api: Setting, token: str) -> None:
    for coding in ("gzip", "br", "deflate"):
        answer = _ask(api, token, {"Content-Encoding": coding})
        assert answer.status == 415


@pytest.mark.usefixtures("serve")
def test_pipelined_requests_are_all_answered(api: Setting, token: str) -> None:
    one, other = _request("tiltaksstatus", token, _PERSON), _request("tiltaksstatus", token, b"no JSON")
    last = one.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n")
    with _connected(api) as client:
        client.sendall(one + other + last)
        answers = b"".join(iter(lambda: client.recv(65_536), b""))
    assert re.findall(rb"HTTP/1\.1 (\d+) ", answers) == [b"200", b"400", b"200"]


@pytest.mark.parametrize("serve", [{"CALLS_PER_SECOND": "20", "WEB_CONCURRENCY": "2"}], indirect=True)
@pytest.mark.usefixtures("serve")
def test_the_rate_limit_of_a_consumer_holds_over_all_workers(
    api: Setting, issuer: TokenIssuer, connection: psycopg.Connection
) -> None:
    eager, calm = issuer.token(CLIENT_ID, azp="eager"), issuer.token(CLIENT_ID, azp="calm")
    with ThreadPoolExecutor(8) as pool:
        counts = Counter(answer.status for answer in pool.map(lambda _: _ask(api, eager), range(400)))
    assert set(counts) == {200, 429}
    assert _ask(api, calm).status == 200
    records = "SELECT count(*) FROM lookup_log WHERE consumer = 'eager'"
    assert number(connection, records) == counts[200]


@pytest.mark.parametrize("serve", [{"WEB_CONCURRENCY": "2"}], indirect=True)
@pytest.mark.parametrize(
    "what",
    [
        pytest.param(CALLS[1], id="each in a statement of its own"),
        pytest.param(CALLS[0], id="many in one statement"),
    ],
)
@pytest.mark.usefixtures("serve")
def test_a_lookup_beyond_the_time_limit_is_503_and_the_next_one_is_answered(
    what: Call, api: Setting, token: str, connection: psycopg.Connection
) -> None:
    with connection.transaction():
        connection.execute("LOCK TABLE avtale IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: look_up(api, token, what), range(64)))
    assert {answer.status for answer in answers} == {503}
    assert all(answer.headers["Retry-After"] == "1" for answer in answers)
    assert {json.loads(answer.body)["kode"] for answer in answers} == {"DATABASE_UTILGJENGELIG"}
    assert look_up(api, token).status == 200


@pytest.mark.parametrize("serve", [{"WEB_CONCURRENCY": "1"}], indirect=True)
@pytest.mark.usefixtures("serve")
def test_other_lookups_are_answered_while_one_waits_for_the_database(
    api: Setting, token: str, connection: psycopg.Connection
) -> None:
    versions = Call(f"avtaler/{avtale_id(1)}/historikk")
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    def another_is_answered_first() -> bool:
        waiting = pool.submit(look_up, api, token, versions)
        wait_until(lambda: waiting.done() or number(connection, waits) == 1, "it waits")
        is_first = look_up(api, token).status == 200 and not waiting.done()
        assert waiting.result().status == 503
        wait_until(lambda: number(connection, waits) == 0, "nothing waits any more")
        return is_first

    assert look_up(api, token).status == 200  # fetches the issuer's keys
    with ThreadPoolExecutor(1) as pool, psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE avtale_historikk IN ACCESS EXCLUSIVE MODE")
        wait_until(another_is_answered_first, "one is answered while the other waits")


@pytest.mark.parametrize("serve", [{"WEB_CONCURRENCY": "2"}], indirect=True)
def test_kept_connections_are_spread_over_all_workers(serve: Process, api: Setting, token: str) -> None:
    """Otherwise one core would be idle while requests wait for the other."""

    def shares_of(connections: int) -> list[int]:
        with ExitStack() as stack:
            for _ in range(connections):
                client = stack.enter_context(_connected(api))
                client.sendall(_request("tiltaksstatus", token, _PERSON))
                assert _read_answer(client).startswith(b"HTTP/1.1 200 ")
            workers = psutil.Process(serve.process.pid).children()
            return [_connections_of_clients(worker, int(api.env["PORT"])) for worker in workers]

    wait_until(lambda: all(shares_of(8)), "all workers have begun")
    shares = shares_of(32)
    assert sum(shares) == 32
    assert min(shares) >= 10


def _connections_of_clients(worker: psutil.Process, port: int) -> int:
    return sum(1 for one in worker.net_connections("tcp") if one.laddr.port == port and one.raddr)


def _connected(api: Setting) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(api.env["PORT"])), timeout=30)


def _is_answered(api: Setting, token: str) -> bool:
    """Return False for a 503, which asks the client to try again."""
    with _connected(api) as client:
        client.sendall(_request("tiltaksstatus", token, _PERSON))
        answer = _read_answer(client)
    assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 503 ")), answer
    return answer.startswith(b"HTTP/1.1 200 ")


def _ask(api: Setting, token: str, headers: dict[str, str] | None = None) -> Answer:
    sent = {"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123", **(headers or {})}
    return call(f"{api.url}/api/v1/tiltaksstatus", body=_PERSON, headers=sent)


def _request(path: str, token: str, body: bytes, *, is_chunked: bool = False) -> bytes:
    head = (
        f"POST /api/v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Behandlingsnummer: B123\r\nContent-Type: application/json\r\n"
    )
    if is_chunked:
        return f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _read_answer(client: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _received(client)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
    )
    while len(body) < length:
        body += _received(client)
    return head + b"\r\n\r\n" + body


def _received(client: socket.socket) -> bytes:
    data = client.recv(65_536)
    assert data, "the connection ended before the answer did"
    return data


def _read_to_the_end(client: socket.socket) -> None:
    try:
        while client.recv(65_536):
            pass
    except ConnectionResetError:
        pass
