"""What is read before what, and what is refused."""

import pytest

from datadeling.consumer.topic import Watermarks
from datadeling.domain.hendelse import Position
from datadeling.errors import TopicChanged
from datadeling.operations.verify.verifier import Ranges, by_generation, refuse_beyond
from datadeling.pipeline.message import Ended


@pytest.mark.parametrize(
    ("ranges", "ended", "parts"),
    [
        pytest.param({0: range(9)}, {}, [{0: range(9)}], id="one generation"),
        pytest.param({0: range(3, 3)}, {0: [(0, 2)]}, [], id="nothing"),
        pytest.param(
            {0: range(9), 1: range(2, 8)},
            {0: [(0, 4), (1, 6)]},
            [{0: range(4)}, {0: range(4, 6)}, {0: range(6, 9), 1: range(2, 8)}],
            id="a partition that was added",
        ),
        pytest.param(
            {0: range(5, 9), 1: range(3)},
            {0: [(0, 4)], 1: [(0, 7)]},
            [{1: range(3)}, {0: range(5, 9)}],
            id="one that begins after, one that ends before",
        ),
    ],
)
def test_generations_are_read_in_order(ranges: Ranges, ended: Ended, parts: list[Ranges]) -> None:
    assert by_generation(ranges, ended) == parts


def test_a_topic_without_the_handled_offsets_is_refused() -> None:
    refuse_beyond({0: Position(0, 5), 3: Position(1, 0)}, {0: Watermarks(2, 5), 1: Watermarks(0, 9)})
    with pytest.raises(TopicChanged, match="partition 0 ends at 5, and has been handled up to 6"):
        refuse_beyond({0: Position(0, 6)}, {0: Watermarks(2, 5)})
    with pytest.raises(TopicChanged):
        refuse_beyond({7: Position(0, 1)}, {0: Watermarks(0, 5)})
