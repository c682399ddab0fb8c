import json
from typing import NamedTuple

import pytest

from datadeling.demo.generator import Record, siste_tilstand


class Sent(NamedTuple):
    sist_endret: str | None
    says: str = ""


def fold(*messages: Sent) -> str | None:
    """What is left of one avtale."""
    records = [
        Record(b"a", m.sist_endret and json.dumps({"sistEndret": m.sist_endret, "says": m.says}).encode())  # type: ignore[arg-type]
        for m in messages
    ]
    return siste_tilstand(records).get("a", {}).get("says")


@pytest.mark.parametrize(
    ("messages", "left"),
    [
        pytest.param([("2024-01-01T00:00:00Z", "1"), ("2024-01-02T00:00:00Z", "2")], "2", id="newer"),
        pytest.param([("2024-01-02T00:00:00Z", "1"), ("2024-01-01T00:00:00Z", "2")], "1", id="out of order"),
        pytest.param(
            [("2024-01-01T00:00:00Z", "1"), ("2024-01-01T00:00:00Z", "2")], "2", id="equal: the last"
        ),
        pytest.param(
            [("2024-01-01T00:00:00.000001999Z", "1"), ("2024-01-01T00:00:00.000001Z", "2")],
            "2",
            id="equal to the microsecond",
        ),
        pytest.param(
            [("2024-01-01T00:00:00.10Z", "1"), ("2024-01-01T00:00:00.099Z", "2")],
            "1",
            id="compared as times, not as text",
        ),
        pytest.param([("2024-01-01T00:00:00Z", "1"), (None, "")], None, id="tombstone"),
        pytest.param(
            [("2024-01-02T00:00:00Z", "1"), (None, ""), ("2024-01-01T00:00:00Z", "2")],
            "2",
            id="afresh after a tombstone",
        ),
        pytest.param([(None, "")], None, id="a tombstone of nothing"),
    ],
)
def test_the_newest_is_left(messages: list[tuple[str | None, str]], left: str | None) -> None:
    assert fold(*(Sent(*m) for m in messages)) == left


def test_avtaler_do_not_touch_one_another() -> None:
    records = [
        Record(b"a", b'{"sistEndret": "2024-01-01T00:00:00Z"}'),
        Record(b"b", b'{"sistEndret": "2023-01-01T00:00:00Z"}'),
        Record(b"a", None),
    ]
    assert list(siste_tilstand(records)) == ["b"]
