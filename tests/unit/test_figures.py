"""`make bench`: medians and shares of several runs, and the tables in the results."""

from pathlib import Path

import pytest

from benchmarks.bench import PARTS, RESULTS
from benchmarks.figures import Figure, Rows, number
from benchmarks.report import markdown, write_results
from datadeling.demo.process import ServiceFailed

_ABOUT = {
    "when": "2026-11-23T09:00+00:00", "commit": "abc", "runs": 2, "cores": 2, "processor": "p",
    "memory_gib": 8, "python": "3.11",
}  # fmt: skip


def test_a_share_is_of_the_limit_of_the_same_run() -> None:
    limit, ours = _rows((100.0, 50.0), (10.0, 8.0), (1_000.0, 600.0))
    assert ours.shares == [0.5, 0.8, 0.6]
    assert ours.share is not None
    assert ours.share == (0.6, 0.5, 0.8)  # the machine was ten times as slow in the second run
    assert limit.share is None
    assert limit.value == (100.0, 10.0, 1_000.0)


def test_a_limit_that_was_not_measured_is_an_error() -> None:
    with pytest.raises(KeyError):
        Rows().add([Figure("ours", 1.0, "s", of="limit")])


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.756, "0.76"), (12.34, "12.3"), (99.96, "100.0"), (38_123.4, "38,123")]
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_only_the_text_between_the_marks_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    before, after = "# By hand\n\n<!-- ingest -->\n", "<!-- end of ingest -->\n\n* By hand, \\1\n"
    path.write_text(f"{before}old\n{after}", encoding="utf-8")
    rows = _rows((100.0, 50.0))
    for _ in range(2):
        write_results(path, _ABOUT, {"ingest": rows})
    text = path.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert text.endswith(after)
    assert text.count(markdown(rows)) == 1
    assert "old" not in text


def test_a_part_without_marks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    path.write_text("# By hand\n", encoding="utf-8")
    with pytest.raises(ServiceFailed):
        write_results(path, _ABOUT, {"ingest": Rows()})


def test_every_part_has_its_place_in_the_results() -> None:
    text = RESULTS.read_text(encoding="utf-8")
    for name in PARTS:
        assert text.index(f"<!-- {name} -->\n") < text.index(f"<!-- end of {name} -->\n")


def _rows(*runs: tuple[float, float]) -> Rows:
    """Of a limit, and of a figure of ours that stands beside it."""
    rows = Rows()
    for limit, ours in runs:
        rows.add([Figure("limit", limit, "events/s"), Figure("ours", ours, "events/s", of="limit")])
    return rows
