"""No identity number reaches the output."""

import pytest

from datadeling.log import mask_personal_numbers
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
