"""No identity number reaches the output."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from datadeling.log import configure_logging, mask_personal_numbers, masked_prose
from tests.hendelser import FNR


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(FNR, id="alone"),
        pytest.param(f"Key (deltaker_fnr)=({FNR}) already exists", id="in a text"),
        pytest.param(int("8" + FNR[1:]), id="a number"),
        pytest.param({"a": [f"fnr={FNR};"]}, id="deep"),
        pytest.param({FNR: 1}, id="a key"),
    ],
)
def test_eleven_digits_are_masked(value: object) -> None:
    event = mask_personal_numbers(None, "", {"event": "x", "value": value})
    assert FNR not in repr(event)
    assert "8" + FNR[1:] not in repr(event)


def test_other_numbers_are_left_alone() -> None:
    event = {"event": "offset 123456789012", "offset": 1234567890, "ok": True}
    assert mask_personal_numbers(None, "", dict(event)) == event


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (f"for {FNR}, says somebody", "for ***********, says somebody"),
        (f"{FNR[:6]} {FNR[6:]}", "***********"),
        (f"{FNR[:6]}-{FNR[6:]}.", "***********."),
        (f"{FNR}0 and 0{FNR}", "*********** and ***********"),
        (f"a{FNR}b", "a***********b"),
        ("9f0d3c1e-0000-4000-8000-015877512360, twice", "9f0d3c1e-0000-4000-8000-015877512360, twice"),
        ("2026-01-16T11:05:40.946123Z, 0:2:4711, 123456 messages", None),
    ],
)
def test_identity_numbers_in_prose_are_masked(written: str, shown: str | None) -> None:
    assert masked_prose(written) == (shown or written)


@pytest.fixture
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], root.level, logging.raiseExceptions = before
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_before")
@pytest.mark.parametrize("logger", ["ours", "a library's"])
def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str], logger: str) -> None:
    configure_logging("json")
    if logger == "ours":
        structlog.get_logger("x").warning("noe", fnr=FNR)
    else:
        logging.getLogger("x").warning("noe %s", FNR)
    line = json.loads(capsys.readouterr().err)
    assert line["message"].startswith("noe")
    assert line["level"] == "warning"
    assert FNR not in json.dumps(line)
