"""The generation of a message, by its offset."""

import pytest

from datadeling.pipeline.generation import generation_at


@pytest.mark.parametrize(
    ("partition", "offset", "generation"),
    [
        pytest.param(0, 0, 0, id="the first"),
        pytest.param(0, 9, 0, id="its last"),
        pytest.param(0, 10, 2, id="the first beyond it"),
        pytest.param(0, 20, 5, id="beyond the last that ended"),
        pytest.param(1, 0, 5, id="a partition on which none has ended"),
    ],
)
def test_a_message_keeps_the_generation_that_it_was_read_in(
    partition: int, offset: int, generation: int
) -> None:
    assert generation_at(partition, offset, 5, {0: [(0, 10), (2, 20)]}) == generation
