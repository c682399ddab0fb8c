"""A message after decoding, and its place on the topic."""

from decimal import Decimal
from typing import Annotated, NamedTuple

import msgspec

from datadeling.domain.felt import camel_case

MENTOR = "MENTOR"
"""The one tiltakstype that the code treats differently: its `stillingprosent` is the mentor's."""

Text = Annotated[str, msgspec.Meta(max_length=1_000)]
IndexedText = Annotated[str, msgspec.Meta(max_length=600)]  # 2,400 bytes; an index entry takes some 2,690
Int4 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Place(NamedTuple):
    """The place of a message on the topic."""

    generation: int
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Parse generation:partition:offset. Raise `ValueError`, which may quote the text."""
        generation, partition, offset = map(int, text.split(":"))
        return cls(generation, partition, offset)

    @property
    def text(self) -> str:
        """Return generation:partition:offset, as operators write it."""
        return f"{self.generation}:{self.partition}:{self.offset}"

    def is_after(self, other: "Place") -> bool:
        """Return True when this place of the same avtale is later; a later generation always is."""
        return (self.generation, self.offset) > (other.generation, other.offset)


class Position(NamedTuple):
    """How far a partition has been handled. The last `unreadable_in_a_row` messages could not be read."""

    generation: int
    next_offset: int
    unreadable_in_a_row: int = 0

    def after(self, offset: int, *, readable: bool) -> "Position":
        """Return the position after the message at `offset` has been handled."""
        return Position(self.generation, offset + 1, 0 if readable else self.unreadable_in_a_row + 1)


# Names in a message that are not the field's in camelCase.
_NAMES = {
    "avtale_inngaatt": "avtaleInngått",
    "godkjent_paa_vegne_av": "godkjentPaVegneAv",
    "godkjent_paa_vegne_av_arbeidsgiver": "godkjentPaVegneAvArbeidsgiver",
}


def name_in_message(field: str) -> str:
    """Return the name that the producer gives to a field of `Hendelse`."""
    return _NAMES.get(field) or camel_case(field)


class Hendelse(msgspec.Struct, gc=False, rename=name_in_message):
    """The shared fields of a message as the producer sends them: times and dates are still text.

    Numbers are exact. A field that the producer leaves out is None.
    """

    avtale_id: Text
    tiltakstype: Text
    avtale_status: Text
    versjon: Int4
    opprettet_tidspunkt: Text
    sist_endret: Text
    avtale_nr: Int4 | None = None
    deltaker_fnr: IndexedText | None = None
    bedrift_nr: IndexedText | None = None
    veileder_nav_ident: Text | None = None
    opphav: Text | None = None
    start_dato: Text | None = None
    slutt_dato: Text | None = None
    stillingprosent: Decimal | None = None
    antall_dager_per_uke: Decimal | None = None
    stillingstype: Text | None = None
    avtale_inngaatt: Text | None = None
    godkjent_av_deltaker: Text | None = None
    godkjent_av_arbeidsgiver: Text | None = None
    godkjent_av_veileder: Text | None = None
    godkjent_av_beslutter: Text | None = None
    godkjent_paa_vegne_av: bool | None = None
    godkjent_paa_vegne_av_arbeidsgiver: bool | None = None
    godkjent_av_nav_ident: Text | None = None
    godkjent_av_beslutter_nav_ident: Text | None = None
    annullert_tidspunkt: Text | None = None
    feilregistrert: bool | None = None
    slettemerket: bool | None = None


class Sletting(NamedTuple):
    """A tombstone: the avtale is gone."""

    avtale_id: str
    place: Place
