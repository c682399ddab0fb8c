"""Writes the avtaler that are missing or different again, from what the topic says of them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from datadeling.operations.verify.summary import key_of
from datadeling.pipeline.message import Message, avtale_id_in
from datadeling.pipeline.rewrite import Rewrite

_AT_ONCE = 500  # messages of a transaction, at most


@dataclass(frozen=True, slots=True)
class Repair:
    """The avtaler with these keys, and no other."""

    rewrite: Rewrite
    keys: Collection[bytes]

    def write(self, runs: Iterable[list[Message]]) -> None:
        """Write what differs, given messages in the order of the log.

        Nothing beyond the live consumer is written, and no message of another avtale. Raise what reading them
        and `Rewrite.write` do: what has been written until then stays.
        """
        waiting: list[Message] = []
        for run in runs:
            waiting += [melding for melding in run if self._is_wanted(melding)]
            while len(waiting) >= _AT_ONCE:
                self.rewrite.write(waiting[:_AT_ONCE])
                del waiting[:_AT_ONCE]
        if waiting:
            self.rewrite.write(waiting)

    def _is_wanted(self, melding: Message) -> bool:
        avtale_id = avtale_id_in(melding.key)
        return bool(avtale_id) and key_of(avtale_id) in self.keys
