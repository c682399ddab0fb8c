"""The changes that a run of messages makes to the tables, given their content. Pure.

The rules stand here and nowhere else, for the live consumer, a retry and a replay: the newest version wins, a
tombstone deletes and leaves a marker, superseded versions become history, a message that changes nothing
writes nothing, unreadable messages are parked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place, Sletting
from datadeling.pipeline.message import Decoded, Unreadable, avtale_id_of

Outcome = Literal["new", "changed", "unchanged", "older", "deleted", "failed"]


@dataclass(slots=True)
class Changes:
    """The rows to write: `deletions` first, then the rest. Rows that would stay the same are left out.

    `before` and `present`: the avtaler as they were before and as they are in the end. `stored`: the last
    version stored of each avtale; earlier parked messages of the same key are superseded.
    """

    before: Mapping[str, Avtale]
    present: dict[str, Avtale]
    _markers: dict[str, Place]
    _past: dict[str, Sequence[Superseded]]  # what the table of history holds already
    deletions: dict[str, Sletting] = field(default_factory=dict)
    new: list[Avtale] = field(default_factory=list)
    changed: list[Avtale] = field(default_factory=list)
    history: list[Superseded] = field(default_factory=list)
    parked: list[Unreadable] = field(default_factory=list)
    stored: dict[str, Avtale] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    def apply(self, messages: Iterable[Decoded]) -> None:
        """Apply messages in the order of the log. To be called once."""
        for message in messages:
            match message:
                case Avtale():
                    outcome = self._version(message)
                case Sletting():
                    outcome = self._tombstone(message)
                case Unreadable():
                    outcome = self._unreadable(message)
            self.outcomes[outcome] += 1
        for avtale_id in self.stored:
            if avtale_id in self.present:  # no tombstone came after it
                row = self.before.get(avtale_id)
                is_new = row is None or self._is_erased(avtale_id, row.place)
                (self.new if is_new else self.changed).append(self.present[avtale_id])

    def unsure(self, *, is_replay: bool) -> list[str]:
        """Return the avtaler whose new version may be in their history, which must be read to know.

        It may repeat a version of an earlier generation. Before a replay, somebody may have deleted the row
        or set it back by hand, so any other version than the row's own is one of them.
        """
        return [
            ny.avtale_id
            for ny in (*self.new, *self.changed)
            if (
                is_replay
                if (row := self.before.get(ny.avtale_id)) is None
                else ny.generation > row.generation or (is_replay and ny.place != row.place)
            )
        ]

    def _version(self, ny: Avtale) -> Outcome:
        avtale_id = ny.avtale_id
        if avtale_id in self._markers and self._is_erased(avtale_id, ny.place):
            return "older"
        lagret = self.present.get(avtale_id)
        past = self._past.get(avtale_id, ())
        outcome: Outcome = "changed"
        if lagret is not None and ny.is_same_message_as(lagret):
            if ny.same_state(lagret):
                return "unchanged"
            # The same message, read by a release that reads more of it: no new version, so no history.
            ny = ny.continues(lagret)
        elif past and _is_history(ny, lagret, past):
            return "older"
        elif lagret is None:
            outcome = "new"
        elif not ny.is_newer_than(lagret):
            return "older"
        elif past and not all(lagret.is_newer_than(version.avtale) for version in past):
            pass  # The row has been set back by hand to a version that is history already.
        elif ny.same_state(lagret):
            # Republished: only the place moves. If `hendelse_tidspunkt` moved too, an as-of lookup between
            # the two messages would find no version.
            ny = ny.continues(lagret)
        else:
            self.history.append(Superseded.by(ny, lagret))
        self.present[avtale_id] = self.stored[avtale_id] = ny
        return outcome

    def _tombstone(self, sletting: Sletting) -> Outcome:
        avtale_id, place = sletting
        if self._is_erased(avtale_id, place):
            return "older"
        self._markers[avtale_id] = place
        self.deletions[avtale_id] = sletting
        lagret = self.present.get(avtale_id)
        if lagret is not None and not lagret.place.is_after(place):
            del self.present[avtale_id]
        self._past[avtale_id] = [v for v in self._past.get(avtale_id, ()) if v.avtale.place.is_after(place)]
        self.history = [
            v for v in self.history if v.avtale.avtale_id != avtale_id or v.avtale.place.is_after(place)
        ]
        self.parked = [p for p in self.parked if not self._is_erased(avtale_id_of(p), p.place)]
        return "deleted"

    def _unreadable(self, unreadable: Unreadable) -> Outcome:
        if self._is_erased(avtale_id_of(unreadable), unreadable.place):
            return "older"
        self.parked.append(unreadable)
        return "failed"

    def _is_erased(self, avtale_id: str, place: Place) -> bool:
        """True when a tombstone stands at or after this place, so that the message no longer counts."""
        marker = self._markers.get(avtale_id)
        return marker is not None and not place.is_after(marker)


def fold(
    messages: Iterable[Decoded],
    stored: Mapping[str, Avtale],
    markers: Mapping[str, Place],
    history: Mapping[str, Sequence[Superseded]] | None = None,
) -> Changes:
    """Return the changes that these messages make, in the order of the log.

    `stored` and `markers` are the tables' content for `avtale_ids(messages)`, `history` for what is `unsure`
    without it. The arguments are not modified.
    """
    changes = Changes(stored, dict(stored), dict(markers), dict(history or {}))
    changes.apply(messages)
    return changes


def _is_history(ny: Avtale, lagret: Avtale | None, past: Sequence[Superseded]) -> bool:
    """True when history has this version or a newer one.

    A later generation may repeat a superseded version. The generation alone would make it newer than its
    successor: a change of status keeps the time of the edit.
    """
    is_later = lagret is not None and ny.generation > lagret.generation
    return any(not ny.is_newer_than(v.avtale) or (is_later and v.has_state_of(ny)) for v in past)
