"""Counts of what a replay or a dry run changed: outcomes, columns, examples. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from datadeling.pipeline.fold import Changes, Outcome
from datadeling.pipeline.message import avtale_id_of

OUTCOMES: tuple[Outcome, ...] = ("new", "changed", "unchanged", "older", "deleted", "failed")
"""All outcomes, in the order in which reports list them."""

_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over many batches; `+` adds two.

    `outcomes`: messages. `columns`: changed avtaler, by each shared column that differed. `examples`: up to
    20 avtaleIds by outcome, and no other field.
    """

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    examples: dict[Outcome, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: Changes) -> "Tally":
        """Count these changes."""
        columns = (ny.differing(changes.before[ny.avtale_id]) for ny in changes.changed)
        examples: dict[Outcome, list[str]] = {
            "new": [avtale.avtale_id for avtale in changes.new],
            "changed": [avtale.avtale_id for avtale in changes.changed],
            "deleted": list(changes.deletions),
            "failed": [avtale_id for message in changes.parked if (avtale_id := avtale_id_of(message))],
        }
        differing = Counter(column for some in columns for column in some)
        return cls(Counter(changes.outcomes), differing) + cls(examples=examples)

    def __add__(self, other: "Tally") -> "Tally":
        examples = {
            outcome: [*dict.fromkeys([*self.examples.get(outcome, ()), *other.examples.get(outcome, ())])]
            for outcome in OUTCOMES
        }
        return Tally(
            self.outcomes + other.outcomes,
            self.columns + other.columns,
            {outcome: ids[:_EXAMPLES] for outcome, ids in examples.items() if ids},
        )

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> "Tally":
        """Return the tally that `as_dict` serialised."""
        return cls(Counter(kept["outcomes"]), Counter(kept["columns"]), kept["examples"])

    def as_dict(self) -> dict[str, Any]:
        """Serialise for JSON, with every outcome."""
        return {
            "outcomes": {outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "columns": dict(self.columns.most_common()),
            "examples": self.examples,
        }

    @property
    def messages(self) -> int:
        """Number of messages counted."""
        return self.outcomes.total()
