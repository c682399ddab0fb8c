"""The changes that a run of messages makes to the tables, given their content. Pure.

The rules stand here and nowhere else, for the live consumer, a retry and a replay: the newest version wins, a
tombstone deletes and leaves a marker, superseded versions become history, a message that changes nothing
writes nothing, unreadable messages are parked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place, Sletting
from datadeling.pipeline.message import Decoded, Unreadable, avtale_id_of

Outcome = Literal["new", "changed", "unchanged", "older", "deleted", "failed"]


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows to write: `deletions` first, then the rest. Rows that would stay the same are left out.

    `stored`: the last version stored of each avtale; earlier parked messages of the same key are superseded.
    `before` and `present`: the avtaler as they were before and as they are in the end.
    """

    deletions: list[Sletting]
    new: list[Avtale]
    changed: list[Avtale]
    history: list[Superseded]
    parked: list[Unreadable]
    stored: Mapping[str, Avtale]
    outcomes: Counter[Outcome]
    before: Mapping[str, Avtale]
    present: Mapping[str, Avtale]

    def not_outdated(self) -> list[Unreadable]:
        """Return those of `parked` that no later message of the same key in `present` has superseded."""
        return [
            message
            for message in self.parked
            if (avtale := self.present.get(avtale_id_of(message))) is None
            or not avtale.place.is_after(message.place)
        ]


def needs_history(messages: Iterable[Decoded], stored: Mapping[str, Avtale]) -> list[str]:
    """Return the avtaler whose history `fold` needs: those with a message of a later generation."""
    return [
        ny.avtale_id
        for ny in messages
        if isinstance(ny, Avtale)
        and (lagret := stored.get(ny.avtale_id)) is not None
        and ny.generation > lagret.generation
    ]


def fold(
    messages: Iterable[Decoded],
    stored: Mapping[str, Avtale],
    markers: Mapping[str, Place],
    history: Mapping[str, Sequence[Superseded]] | None = None,
) -> Changes:
    """Apply messages in the order of the log.

    `stored` and `markers` are the tables' content for `avtale_ids(messages)`, `history` for
    `needs_history(messages, stored)`. The arguments are not modified.
    """
    state = _Fold(stored, markers, history or {})
    for message in messages:
        match message:
            case Avtale():
                state.apply_version(message)
            case Sletting():
                state.apply_tombstone(message)
            case Unreadable():
                state.park(message)
    return state.changes()


class _Fold:
    def __init__(
        self,
        stored: Mapping[str, Avtale],
        markers: Mapping[str, Place],
        history: Mapping[str, Sequence[Superseded]],
    ) -> None:
        self._before = stored
        self._history_before = history
        self._present = dict(stored)
        self._markers = dict(markers)
        self._deletions: dict[str, Sletting] = {}
        self._history: defaultdict[str, list[Superseded]] = defaultdict(list)
        self._parked: list[Unreadable] = []
        self._stored: dict[str, Avtale] = {}
        self._outcomes: Counter[Outcome] = Counter()

    def apply_version(self, ny: Avtale) -> None:
        self._outcomes[self._outcome(ny, ny.avtale_id)] += 1

    def _outcome(self, ny: Avtale, avtale_id: str) -> Outcome:
        if avtale_id in self._markers and self._is_erased(avtale_id, ny.place):
            return "older"
        lagret = self._present.get(avtale_id)
        if lagret is None:
            self._present[avtale_id] = self._stored[avtale_id] = ny
            return "new"
        if ny.is_same_message_as(lagret):
            if ny.same_state(lagret):
                return "unchanged"
            # The same message, read by a release that reads more of it: no new version, so no history.
            self._present[avtale_id] = self._stored[avtale_id] = ny.continues(lagret)
            return "changed"
        if not ny.is_newer_than(lagret) or self._is_history_already(lagret, ny):
            return "older"
        self._supersede(lagret, ny)
        return "changed"

    def _is_history_already(self, lagret: Avtale, ny: Avtale) -> bool:
        """True when a later generation repeats a version that has been superseded.

        The generation alone would make it newer than its successor: a change of status keeps the time of the
        edit.
        """
        if ny.generation <= lagret.generation:
            return False
        return any(v.has_state_of(ny) for v in self._history_before.get(ny.avtale_id, ()))

    def _supersede(self, lagret: Avtale, ny: Avtale) -> None:
        if ny.same_state(lagret):
            # Republished: only the place moves. If `hendelse_tidspunkt` moved too, an as-of lookup between
            # the two messages would find no version.
            ny = ny.continues(lagret)
        else:
            self._history[ny.avtale_id].append(Superseded.by(ny, lagret))
        self._present[ny.avtale_id] = self._stored[ny.avtale_id] = ny

    def apply_tombstone(self, sletting: Sletting) -> None:
        avtale_id, place = sletting
        if self._is_erased(avtale_id, place):
            self._outcomes["older"] += 1
            return
        lagret = self._present.get(avtale_id)
        if lagret is not None and not lagret.place.is_after(place):
            del self._present[avtale_id]
        self._history[avtale_id] = [
            version for version in self._history[avtale_id] if version.avtale.place.is_after(place)
        ]
        self._markers[avtale_id] = place
        self._parked = [p for p in self._parked if not self._is_erased(avtale_id_of(p), p.place)]
        self._deletions[avtale_id] = sletting
        self._outcomes["deleted"] += 1

    def park(self, unreadable: Unreadable) -> None:
        if self._is_erased(avtale_id_of(unreadable), unreadable.place):
            self._outcomes["older"] += 1
        else:
            self._parked.append(unreadable)
            self._outcomes["failed"] += 1

    def changes(self) -> Changes:
        new: list[Avtale] = []
        changed: list[Avtale] = []
        for avtale_id, avtale in self._present.items():
            before = self._before.get(avtale_id)
            if avtale is before:
                continue
            if before is None or self._is_erased(avtale_id, before.place):
                new.append(avtale)
            else:
                changed.append(avtale)
        return Changes(
            deletions=list(self._deletions.values()),
            new=new,
            changed=changed,
            history=[version for versions in self._history.values() for version in versions],
            parked=self._parked,
            stored=self._stored,
            outcomes=self._outcomes,
            before=self._before,
            present=self._present,
        )

    def _is_erased(self, avtale_id: str, place: Place) -> bool:
        """True when a tombstone stands at or after this place, so that the message no longer counts."""
        marker = self._markers.get(avtale_id)
        return marker is not None and not place.is_after(marker)
