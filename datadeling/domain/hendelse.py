"""What a message says, once it has been read, and where it stands on the topic."""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class Place(NamedTuple):
    """Where a message stands on the topic.

    Places of one avtale are compared by (`generation`, `offset`): offsets of one generation have one meaning.
    """

    generation: int
    partition: int
    offset: int

    def is_after(self, other: "Place") -> bool:
        """True when this place is later on the log of the same avtale."""
        return (self.generation, self.offset) > (other.generation, other.offset)


class Position(NamedTuple):
    """Where a partition stands in the database, as we last read or wrote it.

    Everything before `next_offset` has been handled; the last `unreadable_in_a_row` messages of that could
    not be read.
    """

    generation: int
    next_offset: int
    unreadable_in_a_row: int = 0

    def after(self, offset: int, *, readable: bool) -> "Position":
        """The position once the message at `offset` has been handled."""
        return Position(self.generation, offset + 1, 0 if readable else self.unreadable_in_a_row + 1)


class Hendelse(NamedTuple):
    """The shared fields of one message, as the producer means them, all of them valid.

    Times are aware, cut to microseconds. Numbers are exact. `avtale_id` is a UUID in canonical lower case.
    """

    avtale_id: str
    avtale_nr: int | None
    deltaker_fnr: str | None
    bedrift_nr: str | None
    veileder_nav_ident: str | None
    tiltakstype: str
    avtale_status: str
    versjon: int
    opphav: str | None
    start_dato: date | None
    slutt_dato: date | None
    stillingprosent: Decimal | None
    antall_dager_per_uke: Decimal | None
    stillingstype: str | None
    avtale_inngaatt: datetime | None
    godkjent_av_deltaker: datetime | None
    godkjent_av_arbeidsgiver: datetime | None
    godkjent_av_veileder: datetime | None
    godkjent_av_beslutter: datetime | None
    godkjent_paa_vegne_av: bool
    godkjent_paa_vegne_av_arbeidsgiver: bool
    godkjent_av_nav_ident: str | None
    godkjent_av_beslutter_nav_ident: str | None
    annullert_tidspunkt: datetime | None
    feilregistrert: bool
    slettemerket: bool
    opprettet_tidspunkt: datetime
    sist_endret: datetime


class Sletting(NamedTuple):
    """A tombstone: the avtale is gone."""

    avtale_id: str
    place: Place
