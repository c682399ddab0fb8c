"""The changes that messages make in the tables."""

from collections.abc import Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place, Sletting
from datadeling.pipeline.fold import Changes, fold
from datadeling.pipeline.message import KEY_MISMATCH, Message, Unreadable, avtale_ids
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.oracle import Entry, Tables, comparable, expected
from tests.poison import FORMS, Form
from tests.strategies import cuts, logs, to_message

ID = avtale_id(1)


class Memory:
    """The tables as plain collections: applies `Changes` as the store's statements do."""

    def __init__(self) -> None:
        self.avtaler: dict[str, Avtale] = {}
        self.history: list[Superseded] = []
        self.markers: dict[str, Place] = {}
        self.failed: dict[Place, tuple[Unreadable, str]] = {}

    def take(self, *messages: Message) -> Changes:
        readings = [read(m, 0, EPOCH) for m in messages]
        ids = avtale_ids(readings)
        changes = fold(
            readings,
            {i: self.avtaler[i] for i in ids if i in self.avtaler},
            {i: self.markers[i] for i in ids if i in self.markers},
        )
        self._apply(changes)
        return changes

    def _apply(self, changes: Changes) -> None:
        for sletting in changes.deletions.values():
            self._delete(sletting)
        assert not {a.avtale_id for a in changes.new} & self.avtaler.keys()
        assert {a.avtale_id for a in changes.changed} <= self.avtaler.keys()
        self.avtaler |= {a.avtale_id: a for a in (*changes.new, *changes.changed)}
        self.history += changes.history
        self.failed |= {p.place: (p, "new") for p in changes.parked if p.place not in self.failed}
        for place, (parked, state) in self.failed.items():
            later = changes.stored.get(str(parked.key or b"", "utf-8", "replace"))
            if later and later.place.is_after(place) and state == "new" and parked.reason != KEY_MISMATCH:
                self.failed[place] = (parked, "superseded")

    def _delete(self, sletting: Sletting) -> None:
        avtale_id, place = sletting
        if avtale_id in self.avtaler and not self.avtaler[avtale_id].place.is_after(place):
            del self.avtaler[avtale_id]
        self.history = [
            row
            for row in self.history
            if row.avtale.avtale_id != avtale_id or row.avtale.place.is_after(place)
        ]
        key = avtale_id.encode()
        self.failed = {
            at: row
            for at, row in self.failed.items()
            if row[0].key != key or row[0].reason == KEY_MISMATCH or at.is_after(place)
        }
        self.markers[avtale_id] = place

    def tables(self) -> Tables:
        return Tables(
            present={
                a.avtale_id: (
                    a.endret_tidspunkt.second,
                    a.avtale_status,
                    a.kafka_offset,
                    a.hendelse_tidspunkt,
                )
                for a in self.avtaler.values()
            },
            history=[(a.avtale_id, a.avtale_status, fra, til) for a, fra, til in self.history],
            markers={i: place.offset for i, place in self.markers.items()},
            failed={at.offset: ((u.key or b"").decode(), state) for at, (u, state) in self.failed.items()},
        )


@given(st.data())
def test_any_log_in_any_batches_leaves_the_tables_of_the_oracle(data: st.DataObject) -> None:
    log = data.draw(logs())
    memory = Memory()
    for batch in data.draw(cuts(log)):
        memory.take(*map(to_message, batch))
    assert comparable(memory.tables()) == comparable(expected(log))


@given(st.data())
def test_reading_any_part_again_changes_nothing(data: st.DataObject) -> None:
    log = data.draw(logs())
    memory = Memory()
    memory.take(*map(to_message, log))
    before = comparable(memory.tables())
    begin, end = sorted((data.draw(st.integers(0, len(log))), data.draw(st.integers(0, len(log)))))
    readable = [entry for entry in log[begin:end] if not entry.poison]  # a replay parks nothing new
    changes = memory.take(*map(to_message, readable))
    assert comparable(memory.tables()) == before
    written = [*changes.deletions, *changes.new, *changes.changed, *changes.history]
    assert written == []


def versions(*states: tuple[int, str]) -> Sequence[Message]:
    return [
        melding(offset=i, sistEndret=f"2022-02-04T08:46:0{endret}Z", avtaleStatus=state)
        for i, (endret, state) in enumerate(states)
    ]


def minute(offset: int) -> datetime:
    return melding(offset=offset).timestamp


def test_versions_superseded_inside_a_batch_become_history() -> None:
    memory = Memory()
    changes = memory.take(*versions((1, "A"), (1, "B"), (2, "C")))
    assert [(v.avtale.avtale_status, v.gyldig_fra, v.gyldig_til) for v in changes.history] == [
        ("A", minute(0), minute(1)),
        ("B", minute(1), minute(2)),
    ]
    assert changes.outcomes == {"new": 1, "changed": 2}
    assert [a.avtale_status for a in changes.new] == ["C"]


def test_an_older_version_is_ignored() -> None:
    memory = Memory()
    changes = memory.take(*versions((2, "A"), (1, "B")))
    assert changes.outcomes == {"new": 1, "older": 1}
    assert not changes.history


def test_a_republished_state_moves_the_place_and_keeps_the_time() -> None:
    memory = Memory()
    memory.take(*versions((1, "A")))
    changes = memory.take(melding(offset=9, sistEndret="2022-02-04T08:46:01Z", avtaleStatus="A"))
    (avtale,) = changes.changed
    assert (avtale.kafka_offset, avtale.hendelse_tidspunkt) == (9, minute(0))
    assert not changes.history


def test_the_rows_own_message_rewrites_it_without_history() -> None:
    memory = Memory()
    memory.take(melding(offset=3))
    memory.avtaler[ID] = memory.avtaler[ID]._replace(opphav="GAMMEL", mottatt_tidspunkt=minute(1))
    changes = memory.take(melding(offset=3))
    (avtale,) = changes.changed
    assert (avtale.opphav, avtale.mottatt_tidspunkt) == (None, minute(1))
    assert not changes.history


@pytest.mark.parametrize(
    "endret", [pytest.param(0, id="earlier"), pytest.param(1, id="the same"), pytest.param(2, id="later")]
)
def test_the_rows_own_message_is_rewritten_also_with_another_edit_time(endret: int) -> None:
    """No version of its own, so no history, and valid and stored since it first was."""
    memory = Memory()
    memory.take(*versions((1, "A"), (1, "A")))
    memory.avtaler[ID] = memory.avtaler[ID]._replace(bedrift_nr=None, mottatt_tidspunkt=minute(50))
    (own,) = versions((endret, "A"))
    changes = memory.take(own._replace(offset=1, timestamp=minute(1)))
    assert changes.outcomes == {"changed": 1}
    assert changes.history == []
    avtale = memory.avtaler[ID]
    assert (avtale.endret_tidspunkt.second, avtale.bedrift_nr, avtale.kafka_offset) == (
        endret,
        "999999999",
        1,
    )
    assert (avtale.hendelse_tidspunkt, avtale.mottatt_tidspunkt) == (minute(0), minute(50))


def test_an_avtale_can_start_afresh_after_its_tombstone_in_one_batch() -> None:
    memory = Memory()
    memory.take(melding(offset=0))
    changes = memory.take(
        melding(offset=1, avtaleNr=2), tombstone(1, offset=2), melding(offset=3, avtaleNr=4)
    )
    assert [s.place.offset for s in changes.deletions.values()] == [2]
    assert [a.avtale_nr for a in changes.new] == [4]
    assert not changes.changed
    assert not changes.history


def test_a_replayed_tombstone_does_not_affect_later_versions() -> None:
    memory = Memory()
    memory.take(tombstone(1, offset=2), melding(offset=3))
    changes = memory.take(melding(offset=1), tombstone(1, offset=2))
    assert changes.outcomes == {"older": 2}
    assert ID in memory.avtaler


def test_unreadable_messages_before_the_marker_are_not_parked() -> None:
    memory = Memory()
    memory.take(tombstone(1, offset=5))
    changes = memory.take(record(4, ID.encode(), b"{"), record(6, ID.encode(), b"{"))
    assert [p.place.offset for p in changes.parked] == [6]


@pytest.mark.parametrize("key", [None, b"", b"\xff" * 3000])
def test_a_key_that_names_no_avtale_is_parked_as_it_is(key: bytes | None) -> None:
    changes = Memory().take(record(1, key, b"{}"))
    assert [p.key for p in changes.parked] == [key]


def test_a_key_mismatch_belongs_to_no_avtale() -> None:
    memory = Memory()
    mismatch = record(1, ID.encode(), encoded(hendelse(2)))
    changes = memory.take(mismatch, tombstone(1, offset=2))
    assert [p.place.offset for p in changes.parked] == [1]
    assert memory.take(mismatch._replace(offset=0)).outcomes == {"failed": 1}


def test_a_key_mismatch_is_not_superseded() -> None:
    memory = Memory()
    memory.take(record(1, ID.encode(), encoded(hendelse(2))), record(2, ID.encode(), b"{"), melding(offset=3))
    assert [state for _, state in memory.failed.values()] == ["new", "superseded"]


@pytest.mark.parametrize("form", [pytest.param(form, id=name) for name, form in FORMS.items()])
def test_every_form_of_poison_is_parked_for_its_avtale(form: Form) -> None:
    key, value = form.record(1)
    parked = read(record(1, key, value), 0, EPOCH)
    assert isinstance(parked, Unreadable)
    assert (parked.key, parked.value) == (key, value)
    assert avtale_ids([parked]) == ([] if form.nobodys else [ID])


def test_the_oracle_folds_a_simple_log() -> None:
    log = [
        Entry(1, ID, EPOCH, 1, "A"),
        Entry(2, ID, EPOCH, 2, "B"),
        Entry(3, avtale_id(2), EPOCH, poison="cut off"),
    ]
    tables = expected(log)
    assert tables.present == {ID: (2, "B", 2, EPOCH)}
    assert tables.history == [(ID, "A", EPOCH, EPOCH)]
    assert tables.failed == {3: (avtale_id(2), "new")}
