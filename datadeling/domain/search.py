"""The criteria of a lookup, and its audit record: values that the API fills in and the database uses."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID


class AuditContext(NamedTuple):
    """The caller of a lookup, its call and its purposes, as the audit log has them.

    `consumer` is the client's id; its name is not unique. `nav_ident` is the user on whose behalf it calls.
    """

    call_id: str
    consumer: str
    consumer_name: str | None
    nav_ident: str | None
    behandlingsnummer: tuple[str, ...]
    endpoint: str


class Marker(NamedTuple):
    """The last avtale of a page; the next page begins after it."""

    opprettet_tidspunkt: datetime
    avtale_id: UUID


class Search(NamedTuple):
    """Criteria that an avtale must meet, all of them. Those that are None do not count.

    `identer` are the present and the historic numbers of one person. `fom` and `tom` limit a period that the
    avtale must have a day in. `tidspunkt` searches the avtaler as they were known then. `numbered` leaves out
    avtaler without a number.
    """

    identer: Sequence[str] | None = None
    bedrift_nr: str | None = None
    tiltakstype: str | None = None
    avtale_status: str | None = None
    avtale_id: str | None = None
    avtale_nr: int | None = None
    fom: date | None = None
    tom: date | None = None
    tidspunkt: datetime | None = None
    marker: Marker | None = None
    feilregistrerte: bool = False
    numbered: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the columns and times in it, none of their values."""
        recorded = [
            name
            for name, value in self._asdict().items()
            if value is not None and value is not False and name not in {"marker", "numbered"}
        ]
        return tuple(recorded)

    @property
    def is_of_one(self) -> bool:
        """True when it is about one person or one avtale, so that few rows are read."""
        return not (self.identer is None and self.avtale_id is None and self.avtale_nr is None)

    @property
    def is_selective(self) -> bool:
        """True when it is about one person, one employer or one avtale, not about any number of them."""
        return self.is_of_one or self.bedrift_nr is not None

    @property
    def is_empty(self) -> bool:
        """True when no criterion selects avtaler."""
        return not self.is_selective and not set(self.kinds) - {"tidspunkt", "feilregistrerte", "numbered"}
