"""What a topic comes to in short is what the fold of the write path makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.hendelse import Place, Position
from datadeling.operations.verify.summary import (
    Summary,
    fingerprint,
    id_of,
    key_of,
    place_of,
)
from datadeling.pipeline.fold import fold
from datadeling.pipeline.message import Ended, Message, avtale_id_in, avtale_ids, generation_at
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.strategies import logs, to_message

KEY = key_of(avtale_id(1))
EARLIER, LATER = "2022-01-01T00:00:00Z", "2022-03-04T08:46:39Z"


def summary(*messages: Message, markers: dict[str, Place] | None = None, live: int = 100) -> Summary:
    made = Summary({0: Position(0, live)}, {}, (markers or {}).items())
    for message in messages:
        made.take(message)
    return made


@st.composite
def topics(draw: st.DrawFn) -> list[Message]:
    """A log, its avtaler spread over partitions, as a reader of them all may get it."""
    partitions = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
    queues: dict[int, list[Message]] = {}
    for entry in draw(logs()):
        at = partitions[int(entry.avtale[-1], 16) % 4]
        queues.setdefault(at, []).append(to_message(entry)._replace(partition=at))
    order = draw(st.permutations([p for p, queue in queues.items() for _ in queue]))
    return [queues[partition].pop(0) for partition in order]


@given(
    topics(),
    st.fixed_dictionaries({p: st.integers(0, 60) for p in range(3)}),
    st.fixed_dictionaries({p: st.integers(0, 60) for p in range(3)}),
    st.dictionaries(
        st.integers(1, 3).map(avtale_id), st.builds(Place, st.integers(0, 1), st.just(0), st.integers(-1, 40))
    ),
)
def test_the_summary_is_the_state_of_the_write_path(
    topic: list[Message], live: dict[int, int], cut: dict[int, int], markers: dict[str, Place]
) -> None:
    ended: Ended = {p: [(0, end)] for p, end in cut.items()}
    made = Summary({p: Position(1, end) for p, end in live.items()}, ended, markers.items())
    for message in topic:
        made.take(message)
    handled = [m for m in topic if m.offset < live[m.partition]]
    readings = [read(m, generation_at(m.partition, m.offset, 1, ended), EPOCH) for m in handled]
    changes = fold(readings, {}, markers)

    assert made.versions == {key_of(a): fingerprint(avtale) for a, avtale in changes.present.items()}
    tombstones = markers | dict(changes.deletions.values())
    assert made.tombstones == {key_of(a): place for a, place in tombstones.items()}
    assert made.unreadable == {
        key_of(a): message.place for message in changes.parked for a in avtale_ids([message])
    }
    ahead = [avtale_id_in(m.key) for m in topic if m.offset >= live[m.partition]]
    assert made.in_flight == {key_of(a) for a in ahead if a}
    assert made.messages == len(topic)


def test_the_newest_version_is_kept() -> None:
    made = summary(melding(1, offset=0), melding(1, offset=1, sistEndret=EARLIER))
    assert place_of(made.versions[KEY]).offset == 0
    made = summary(melding(1, offset=0), melding(1, offset=1))
    assert place_of(made.versions[KEY]).offset == 1


def test_a_tombstone_resets_the_summary() -> None:
    made = summary(melding(1, offset=0, sistEndret=LATER), tombstone(1, offset=1), melding(1, offset=2))
    assert place_of(made.versions[KEY]).offset == 2
    assert summary(melding(1, offset=0), tombstone(1, offset=1)).versions == {}


def test_a_marker_counts_as_a_tombstone() -> None:
    marker = {avtale_id(1): Place(0, 0, 4)}
    made = summary(melding(1, offset=4, sistEndret=LATER), melding(1, offset=5), markers=marker)
    assert place_of(made.versions[KEY]).offset == 5
    assert made.is_erased(KEY, Place(0, 0, 4))
    assert not made.is_erased(KEY, Place(0, 0, 5))


def test_an_unhandled_message_is_only_noted() -> None:
    made = summary(
        melding(1, offset=9), tombstone(1, offset=10), melding(2, offset=11), record(12, b"x", b""), live=10
    )
    assert place_of(made.versions[KEY]).offset == 9
    assert made.in_flight == {KEY, key_of(avtale_id(2))}
    assert made.tombstones == {}


def test_all_of_a_partition_that_has_not_been_begun_is_ahead() -> None:
    made = summary(melding(1, partition=4))
    assert (made.versions, made.in_flight) == ({}, {KEY})


@pytest.mark.parametrize(
    ("messages", "at"),
    [
        pytest.param([record(3, avtale_id(1).encode(), b"{")], 3, id="of an avtale"),
        pytest.param([record(o, avtale_id(1).encode(), b"{") for o in (3, 4)], 4, id="the last of two"),
        pytest.param([record(3, avtale_id(1).encode(), b"{"), tombstone(1, offset=4)], None, id="erased"),
        pytest.param([record(3, avtale_id(1).encode(), encoded(hendelse(2)))], None, id="nobody's"),
        pytest.param([record(3, b"key", b"{")], None, id="of no avtale"),
    ],
)
def test_an_unreadable_message_is_counted_for_its_avtale(messages: list[Message], at: int | None) -> None:
    made = summary(*messages)
    assert made.messages_unreadable == len([m for m in messages if m.value is not None])
    assert {key: place.offset for key, place in made.unreadable.items()} == ({} if at is None else {KEY: at})


def test_a_key_is_the_id() -> None:
    assert id_of(key_of(avtale_id(17))) == avtale_id(17)
