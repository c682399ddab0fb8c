"""The tally of a replay: counts, and a few avtaleIds, without personal data."""

import json
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.avtale import COLUMNS, SHARED, Avtale
from datadeling.pipeline.fold import fold
from datadeling.pipeline.message import Message, avtale_ids
from datadeling.pipeline.tally import OUTCOMES, Tally
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, FNR, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.oracle import Entry
from tests.strategies import logs, to_message

_AVTALE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

numbers = st.integers(0, 100)
ids = st.lists(st.integers(1, 60).map(avtale_id), max_size=20, unique=True)
tallies = st.builds(
    Tally,
    st.dictionaries(st.sampled_from(OUTCOMES), numbers).map(Counter),
    st.dictionaries(st.sampled_from(COLUMNS[:SHARED]), numbers).map(Counter),
    st.dictionaries(st.sampled_from(OUTCOMES), ids),
)


def tally_of(*messages: Message, stored: tuple[Message, ...] = ()) -> Tally:
    readings = [read(m, 0, EPOCH) for m in messages]
    before = [reading for m in stored if isinstance(reading := read(m, 0, EPOCH), Avtale)]
    present = {avtale.avtale_id: avtale for avtale in before}
    return Tally.of(fold(readings, {i: present[i] for i in avtale_ids(readings) if i in present}, {}))


def test_a_tally_has_outcomes_columns_and_examples() -> None:
    tally = tally_of(
        melding(1, offset=5),
        melding(2, offset=6, bedriftNr="888888888", avtaleStatus="AVSLUTTET"),
        melding(3, offset=7, bedriftNr="888888888"),
        melding(4, offset=8),
        tombstone(5, offset=9),
        record(10, avtale_id(6).encode(), b"{"),
        record(11, b"nobody", b"{"),
        stored=(melding(2, offset=1), melding(3, offset=2), melding(4, offset=8)),
    )
    assert tally.outcomes == {"new": 1, "changed": 2, "unchanged": 1, "deleted": 1, "failed": 2}
    assert tally.messages == 7
    assert tally.columns == {"bedrift_nr": 2, "avtale_status": 1}
    assert tally.examples == {
        "new": [avtale_id(1)],
        "changed": [avtale_id(2), avtale_id(3)],
        "deleted": [avtale_id(5)],
        "failed": [avtale_id(6)],
    }


def test_a_column_is_counted_once_for_an_avtale_however_many_messages_it_takes() -> None:
    log = [melding(1, offset=n, avtaleStatus=f"S{n}") for n in range(5)]
    tally = tally_of(*log[1:], stored=(log[0],))
    assert tally.outcomes == {"changed": 4}
    assert tally.columns == {"avtale_status": 1}


def test_of_each_outcome_there_are_twenty_examples_at_most() -> None:
    several = [tally_of(*(melding(n, offset=n) for n in range(b, b + 15))) for b in (100, 115, 130)]
    large = tally_of(*(melding(n, offset=n) for n in range(25)))
    assert large.examples == {"new": [avtale_id(n) for n in range(20)]}
    assert sum(several, Tally()).examples == {"new": [avtale_id(n) for n in range(100, 120)]}
    assert sum(several, Tally()).outcomes == {"new": 45}


@given(st.lists(tallies, max_size=6))
def test_the_total_is_the_sum_and_leaves_the_parts_as_they_are(parts: list[Tally]) -> None:
    before = [json.dumps(part.as_dict()) for part in parts]
    together = sum(parts, Tally())
    for outcome in OUTCOMES:
        assert together.outcomes[outcome] == sum(part.outcomes[outcome] for part in parts)
        examples = list(dict.fromkeys(i for part in parts for i in part.examples.get(outcome, [])))
        assert together.examples.get(outcome, []) == examples[:20]
    for column in COLUMNS:
        assert together.columns[column] == sum(part.columns[column] for part in parts)
    assert together.messages == sum(part.messages for part in parts)
    assert [json.dumps(part.as_dict()) for part in parts] == before


@given(tallies, tallies)
def test_a_tally_survives_json(tally: Tally, more: Tally) -> None:
    kept = Tally.from_dict(json.loads(json.dumps(tally.as_dict())))
    assert kept == tally
    assert kept + more == tally + more


def test_every_outcome_is_serialised_in_order_also_when_zero() -> None:
    assert list(Tally().as_dict()["outcomes"].items()) == [(outcome, 0) for outcome in OUTCOMES]
    assert Tally.from_dict({"outcomes": {}, "columns": {}, "examples": {}}) == Tally()


@given(logs(), st.lists(st.one_of(st.binary(max_size=50), st.just(FNR.encode()), st.none())))
def test_its_examples_are_avtale_ids_and_nothing_else(log: list[Entry], keys: list[bytes | None]) -> None:
    strays = [record(100 + n, key, value) for n, key in enumerate(keys) for value in (b"{", None)]
    mismatch = record(99, FNR.encode(), encoded(hendelse(1)))
    messages = [*map(to_message, log), mismatch, *strays]
    tally = tally_of(*messages)
    assert all(_AVTALE_ID.fullmatch(i) for examples in tally.examples.values() for i in examples)
    assert FNR not in json.dumps(tally.as_dict())
