"""What writing messages again came to: how many had which outcome, and what it changed. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from datadeling.pipeline.fold import Changes, Outcome, avtale_id_of

OUTCOMES: tuple[Outcome, ...] = ("new", "changed", "unchanged", "older", "deleted", "failed")
"""All of them, in the order in which they are told."""

_EXAMPLES = 20


@dataclass(slots=True)
class Tally:
    """Sums over many batches.

    `outcomes`: messages. `columns`: avtaler that were changed, by each shared column that differed.
    `examples`: by outcome, up to 20 avtaleIds, never more of anybody.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    examples: dict[Outcome, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Changes) -> "Tally":
        """What these changes come to."""
        columns = (ny.differing(changes.before[ny.avtale_id]) for ny in changes.changed)
        ids: dict[Outcome, list[str]] = {
            "new": [avtale.avtale_id for avtale in changes.new],
            "changed": [avtale.avtale_id for avtale in changes.changed],
            "deleted": [sletting.avtale_id for sletting in changes.deletions],
            "failed": [avtale_id for message in changes.parked if (avtale_id := avtale_id_of(message))],
        }
        return cls(
            Counter(changes.outcomes),
            Counter(column for differing in columns for column in differing),
            {outcome: list(dict.fromkeys(found))[:_EXAMPLES] for outcome, found in ids.items() if found},
        )

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Tally":
        """What `as_dict` made of one."""
        return cls(Counter(kept["outcomes"]), Counter(kept["columns"]), kept["examples"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON; every outcome is in it."""
        return {
            "outcomes": {outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "columns": dict(self.columns.most_common()),
            "examples": self.examples,
        }

    @property
    def messages(self) -> int:
        """How many messages there were."""
        return self.outcomes.total()

    def add(self, other: "Tally") -> None:
        """Take another one's figures in."""
        self.outcomes.update(other.outcomes)
        self.columns.update(other.columns)
        for outcome, ids in other.examples.items():
            known = self.examples.setdefault(outcome, [])
            if len(known) < _EXAMPLES:
                known += [avtale_id for avtale_id in ids if avtale_id not in known][: _EXAMPLES - len(known)]


def total(tallies: Iterable[Tally]) -> Tally:
    """Of all of them together."""
    together = Tally()
    for tally in tallies:
        together.add(tally)
    return together
