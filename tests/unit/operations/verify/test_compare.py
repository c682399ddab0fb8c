"""A table is gone through to its end, every row once."""

from uuid import UUID

import pytest

from datadeling.operations.verify.verifier import pages, parts


@pytest.mark.parametrize(
    "numbers",
    [
        pytest.param([], id="none"),
        pytest.param([0], id="the first id there can be"),
        pytest.param([2**128 - 2, 2**128 - 1], id="the last ids there can be, a full page"),
        pytest.param([1, 2, 3, 9, 10], id="a page that is not full"),
        pytest.param([1, 2, 3, 4], id="full pages"),
    ],
)
def test_every_row_comes_once(numbers: list[int]) -> None:
    rows = [(str(UUID(int=number)),) for number in numbers]

    def fetch(start: str, limit: int) -> list[tuple[str]]:
        return [row for row in rows if row[0] >= start][:limit]

    assert [row for page in pages(fetch, 2) for row in page] == rows


def test_parts_have_everything_in_order() -> None:
    assert list(parts(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(parts([], 2)) == []
