"""What a run of messages does to the tables, given what they hold. Pure.

The rules stand here and nowhere else: the newest version wins, a tombstone deletes and leaves a marker,
superseded versions become history, what changes nothing writes nothing, unreadable messages are parked.
The same fold serves the live consumer, a retry and a replay.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place, Sletting
from datadeling.pipeline.message import KEY_MISMATCH, Decoded, Unreadable, avtale_id_in

Outcome = Literal["new", "changed", "unchanged", "older", "deleted", "failed"]


@dataclass(frozen=True, slots=True)
class Changes:
    """What to write, in this order: `deletions`, then the rest. Nothing in here would change nothing.

    `stored` has the last version stored of each avtale: parked messages of the same key before it are
    superseded, those of `parked` too. `before` is what was stored, `present` what all the avtaler
    asked for are in the end.
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
        """Those of `parked` after which no message of the same key is stored: see `present`."""
        return [
            message
            for message in self.parked
            if (avtale := self.present.get(avtale_id_of(message))) is None
            or not avtale.place.is_after(message.place)
        ]


def avtale_ids(readings: Iterable[Decoded]) -> list[str]:
    """The avtaler that these messages are about: what `fold` has to be told of."""
    return [avtale_id for avtale_id in dict.fromkeys(map(avtale_id_of, readings)) if avtale_id]


def told_again(readings: Iterable[Decoded], stored: Mapping[str, Avtale]) -> list[str]:
    """The avtaler that messages of a later generation are about: `fold` has to know their history, too."""
    told = (reading for reading in readings if isinstance(reading, Avtale))
    return [
        ny.avtale_id
        for ny in told
        if (lagret := stored.get(ny.avtale_id)) is not None and ny.generation > lagret.generation
    ]


def fold(
    readings: Iterable[Decoded],
    stored: Mapping[str, Avtale],
    markers: Mapping[str, Place],
    history: Mapping[str, Sequence[Superseded]] | None = None,
) -> Changes:
    """Apply messages in the order of the log.

    `stored` and `markers` are what the tables hold for `avtale_ids(readings)`, `history` for
    `told_again(readings, stored)`; all are left as they are.
    """
    state = _Fold(stored, markers, history or {})
    for reading in readings:
        match reading:
            case Avtale():
                state.take_version(reading)
            case Sletting():
                state.take_tombstone(reading)
            case Unreadable():
                state.take_unreadable(reading)
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

    def take_version(self, ny: Avtale) -> None:
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
            # Read by a release that knows more of it, or better: no new version, so no history.
            self._present[avtale_id] = self._stored[avtale_id] = ny.continues(lagret)
            return "changed"
        if self._is_told_again(lagret, ny) or not ny.is_newer_than(lagret):
            return "older"
        self._supersede(lagret, ny)
        return "changed"

    def _is_told_again(self, lagret: Avtale, ny: Avtale) -> bool:
        """True for a version that is history already, read again in a later generation.

        The generation alone would make it newer than what followed it: a change of status keeps the time of
        the edit.
        """
        if ny.generation <= lagret.generation:
            return False
        return any(v.says_the_same_as(ny) for v in self._history_before.get(ny.avtale_id, ()))

    def _supersede(self, lagret: Avtale, ny: Avtale) -> None:
        if ny.same_state(lagret):
            # Republished: only the place moves. Were `hendelse_tidspunkt` to move too, an as-of lookup
            # between the two messages would find no version at all.
            ny = ny.continues(lagret)
        else:
            self._history[ny.avtale_id].append(Superseded.by(ny, lagret))
        self._present[ny.avtale_id] = self._stored[ny.avtale_id] = ny

    def take_tombstone(self, sletting: Sletting) -> None:
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

    def take_unreadable(self, unreadable: Unreadable) -> None:
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
            if before is None or (avtale_id in self._markers and self._is_erased(avtale_id, before.place)):
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
        """True when a tombstone at or after this place has been seen: the message counts no more."""
        marker = self._markers.get(avtale_id)
        return marker is not None and not place.is_after(marker)


def avtale_id_of(reading: Decoded) -> str:
    """The avtale that a message is about, as far as anybody knows; empty when nobody does."""
    if isinstance(reading, Unreadable):
        return "" if reading.reason == KEY_MISMATCH else avtale_id_in(reading.key)
    return reading.avtale_id
