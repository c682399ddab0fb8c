"""Nothing of a person, and no address of a call, reaches the log of the API."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from flask.testing import FlaskClient

from datadeling.api.headers import add_call
from datadeling.errors import DatabaseUnavailable
from datadeling.log import configure_logging
from tests.unit.api.conftest import FakeLookups

_FNR = "15877512360"


def test_no_number_and_no_address_is_logged(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = {**token, "Nav-Call-Id": f"call-{_FNR}"}
    with _log_of_production():
        for answer in ("{}", DatabaseUnavailable("no connection"), ValueError(_FNR)):
            lookups.answer = answer
            client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR}, headers=headers)
            client.post("/api/v1/avtaler/sok", json={"fnr": _FNR, _FNR: _FNR}, headers=headers)
            client.get(f"/api/v1/avtaler/{_FNR}?fnr={_FNR}", headers=headers)
            client.get(f"/hemmelig/{_FNR}", headers=headers)
    out, err = capsys.readouterr()
    assert "unexpected_error" in err
    assert not {word for word in (_FNR, "hemmelig", "/api/v1") if word in out + err}


@contextmanager
def _log_of_production() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    configure_logging("json", [add_call])
    structlog.configure(cache_logger_on_first_use=False)  # other tests have other logs
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
