"""Passes over messages of which it is known, without reading them, that they change nothing."""

from collections import Counter
from collections.abc import Sequence

from datadeling.db.transaction import Transaction
from datadeling.pipeline.edition import EDITION
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.message import Message, avtale_id_in

Left = tuple[Sequence[Message], Counter[Outcome]]
"""The messages that have to be read, and what the others are known to come to."""


def pass_over(tx: Transaction, topic: str, messages: Sequence[Message]) -> Left:
    """Leave out what this edition has read already, of avtaler whose rows are as we have written them.

    Such a row was made of the newest of its messages. That one, and those before it, would be found
    `unchanged` and `older`. Never left out: a tombstone, what is parked, what has no row, what is of another
    partition than the first message. The locks of the messages' partitions are held.
    """
    known = tx.known.read_from(topic, messages[0].partition, EDITION)
    if known is None:
        return messages, Counter()
    offsets = [m.offset for m in messages if m.partition == known.partition]
    ids = {avtale_id_in(key) for key in {m.key for m in messages}} - {""}
    rows = tx.known.untouched(ids, known.partition, known.generation)
    parked = tx.known.parked(topic, known._replace(offset=min(offsets)), max(offsets))
    left: list[Message] = []
    unchanged = older = 0
    for melding in messages:
        partition, offset, _, key, value = melding
        made_of = rows.get(key, -1) if key and partition == known.partition else -1
        if offset > made_of or offset < known.offset or value is None or offset in parked:
            left.append(melding)
        elif offset == made_of:
            unchanged += 1
        else:
            older += 1
    return left, Counter({"unchanged": unchanged, "older": older})
