"""The server's process: its port, and malformed requests."""

import json
import os
import socket
from pathlib import Path

import pytest
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
)
from structlog.testing import capture_logs

from datadeling.api.metrics_directory import metrics_directory
from datadeling.api.server import ServerLog, run_api
from datadeling.api.worker import Worker
from datadeling.config import ApiConfig, EntraConfig
from datadeling.errors import ConfigError

_ENTRA = EntraConfig("client", "issuer", "http://127.0.0.1:1/", frozenset())


def test_a_port_that_is_taken_is_a_fault_of_the_configuration() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        config = ApiConfig("postgresql://127.0.0.1/x", _ENTRA, port, consumer_port=1)
        with pytest.raises(ConfigError, match=f"PORT: port {port} cannot be opened"):
            run_api(config)


def test_an_address_that_libpq_cannot_read_is_not_repeated() -> None:
    config = ApiConfig("postgresql://user:hemm%lig@127.0.0.1/x", _ENTRA, port=1, consumer_port=1)
    with pytest.raises(ConfigError) as caught:
        run_api(config)
    assert str(caught.value) == "DB_URL cannot be read by libpq"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        pytest.param(InvalidRequestLine("hemmelig"), "400 Bad Request", id="no HTTP"),
        pytest.param(LimitRequestLine(9_000, 4_000), "414 Request-URI Too Long", id="a long address"),
        pytest.param(
            LimitRequestHeaders("hemmelig"), "431 Request Header Fields Too Large", id="long headers"
        ),
        pytest.param(KeyError("hemmelig"), "500 Internal Server Error", id="our own fault"),
    ],
)
def test_a_malformed_request_is_not_repeated(error: Exception, line: str) -> None:
    worker = object.__new__(Worker)
    ours, theirs = socket.socketpair()
    with ours, theirs, capture_logs() as logs:
        worker.handle_error(None, ours, None, error)
        head, _, body = theirs.recv(4_096).partition(b"\r\n\r\n")
    assert head.decode().startswith(f"HTTP/1.1 {line}\r\n")
    assert b"Content-Type: application/problem+json" in head
    assert f"Content-Length: {len(body)}" in head.decode()
    problem = json.loads(body)
    assert str(problem["status"]) == line[:3]
    assert logs[0]["call_id"] == problem["traceId"]
    assert ("at" in logs[0]) is (problem["status"] == 500)
    assert "hemmelig" not in repr(logs) + body.decode()


def test_a_disconnected_client_causes_no_error() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        object.__new__(Worker).handle_error(None, ours, None, KeyError())


def test_an_error_in_the_server_is_logged_without_its_text() -> None:
    with capture_logs() as logs:
        try:
            Path("/hemmelig").read_bytes()
        except OSError:
            object.__new__(ServerLog).exception("Socket error processing request.")
    (line,) = logs
    assert (line["event"], line["error"]) == ("server_error", "FileNotFoundError")
    assert any(frame.startswith("test_server.py:") for frame in line["at"])
    assert "hemmelig" not in repr(line)


def test_the_metrics_directory_is_there_for_the_block() -> None:
    with metrics_directory():
        directory = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
        assert directory.is_dir()
    assert not directory.exists()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
