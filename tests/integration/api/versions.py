"""Logs of versions of a few avtaler, and a plain version of the state at any time."""

from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from datadeling.pipeline.message import Message
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, record, tombstone
from tests.integration.api.rows import FNR, OTHER_FNR

PERSONS = (FNR, OTHER_FNR)
EMPLOYERS = ("999999999", "888888888")
STATES = ("GJENNOMFØRES", "AVSLUTTET", "ANNULLERT")


class Content(NamedTuple):
    """The fields that differ between the versions of an avtale."""

    fnr: str | None
    bedrift: str
    state: str
    feilregistrert: bool


class Entry(NamedTuple):
    """A message: a version, or a tombstone when there is no content."""

    offset: int
    number: int
    time: datetime
    edited: int
    content: Content | None

    @property
    def melding(self) -> Message:
        if self.content is None:
            return tombstone(self.number, offset=self.offset)._replace(timestamp=self.time)
        fnr, bedrift, state, feilregistrert = self.content
        value = hendelse(
            self.number,
            deltakerFnr=fnr,
            bedriftNr=bedrift,
            avtaleStatus=state,
            feilregistrert=feilregistrert,
            sistEndret=f"2022-02-04T08:46:0{self.edited}Z",
        )
        key = avtale_id(self.number).encode()
        return record(self.offset, key, encoded(value))._replace(timestamp=self.time)


class Version(NamedTuple):
    """A state of an avtale, and the time of its first message."""

    since: datetime
    edited: int
    content: Content


contents = st.builds(
    Content,
    st.sampled_from((*PERSONS, *PERSONS, None)),
    st.sampled_from(EMPLOYERS),
    st.sampled_from(STATES),
    st.sampled_from((False, False, False, False, True)),
)
# A tombstone and a late edit end a history: few of them.
_KINDS = ("new",) * 9 + ("again",) * 2 + ("tombstone",)
_EDITS = (1, 1, 1, 1, 1, 2, 0)

times = st.integers(-1, 13).map(lambda number: EPOCH + timedelta(seconds=30 * number))


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """Times that run backwards, states that are sent again, late edits, tombstones."""
    log: list[Entry] = []
    before: dict[int, Entry] = {}
    for offset in range(draw(st.integers(2, 14))):
        number = draw(st.sampled_from((1, 1, 1, 2, 3)))  # one of them with a long history
        time = EPOCH + timedelta(minutes=draw(st.integers(0, 6)))
        last = before.get(number)
        match draw(st.sampled_from(_KINDS)):
            case "tombstone":
                log.append(Entry(offset, number, time, 0, None))
            case "again" if last:
                log.append(last._replace(offset=offset, time=time))
            case _:
                log.append(Entry(offset, number, time, draw(st.sampled_from(_EDITS)), draw(contents)))
                before[number] = log[-1]
    return log


def versions(log: list[Entry]) -> dict[int, list[Version]]:
    """Return the versions of each avtale, oldest first."""
    found: dict[int, list[Version]] = {}
    for entry in log:
        if entry.content is None:
            found.pop(entry.number, None)
            continue
        known = found.setdefault(entry.number, [])
        if known and entry.edited < known[-1].edited:
            continue
        if not known or (known[-1].edited, known[-1].content) != (entry.edited, entry.content):
            known.append(Version(entry.time, entry.edited, entry.content))
    return found


def known_at(log: list[Entry], time: datetime, *, feilregistrerte: bool = False) -> dict[int, Content]:
    """Return the newest version of each avtale by then, without those that are mistakes, now or then."""
    known = {}
    for number, stored in versions(log).items():
        then = [version.content for version in stored if version.since <= time]
        is_mistake = stored[-1].content.feilregistrert or (bool(then) and then[-1].feilregistrert)
        if then and (feilregistrerte or not is_mistake):
            known[number] = then[-1]
    return known
