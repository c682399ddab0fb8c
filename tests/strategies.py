"""Logs for property tests, with few avtaler and few edit times, so that they often collide."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import strategies as st

from datadeling.pipeline.message import Message
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, record
from tests.oracle import Entry
from tests.poison import FORMS, poisoned

_STATES = ("PÅBEGYNT", "GJENNOMFØRES", "AVSLUTTET")
_POISON = ("cut off", "not UTF-8", "number out of range", "no such day", "key of another avtale")
_KINDS = ("version", "version", "version", "version", "tombstone", "poison")


@st.composite
def logs(draw: st.DrawFn, max_size: int = 30) -> list[Entry]:
    """Generate one partition's log: duplicates, equal and backward edit times, tombstones, poison, holes."""
    size = draw(st.integers(0, max_size))
    log: list[Entry] = []
    offset = 0
    for _ in range(size):
        offset += draw(st.integers(1, 2))  # compaction leaves holes
        avtale = avtale_id(draw(st.integers(1, 3)))
        time = EPOCH + timedelta(minutes=draw(st.integers(0, 5)))  # may run backwards
        match draw(st.sampled_from(_KINDS)):
            case "version":
                endret, state = draw(st.integers(0, 3)), draw(st.sampled_from(_STATES))
                log.append(Entry(offset, avtale, time, endret, state))
            case "tombstone":
                log.append(Entry(offset, avtale, time))
            case _:
                log.append(poisoned(offset, avtale, time, draw(st.sampled_from(_POISON))))
    return log


@st.composite
def cuts(draw: st.DrawFn, log: list[Entry]) -> list[list[Entry]]:
    """Generate a division of the log into batches."""
    points = sorted(draw(st.sets(st.integers(0, len(log)), max_size=6)) | {0, len(log)})
    return [log[a:b] for a, b in pairwise(points) if a < b]


def to_message(entry: Entry) -> Message:
    """Return the record of a log's entry."""
    number = int(entry.avtale.replace("-", ""), 16)
    key: bytes | None = entry.avtale.encode()
    value: bytes | None = None
    if entry.poison:
        key, value = FORMS[entry.poison].record(number)
    elif entry.state is not None:
        edited = f"2022-02-04T08:46:0{entry.endret}Z"
        value = encoded(hendelse(number, avtaleStatus=entry.state, sistEndret=edited))
    return record(entry.offset, key, value)._replace(timestamp=entry.time)
