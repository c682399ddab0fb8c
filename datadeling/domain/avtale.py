"""What we keep and share of an avtale, and which of two versions of it wins."""

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from datadeling.domain.hendelse import Place


class Avtale(NamedTuple):
    """One version of an avtale: the columns of the table `avtale`, in their order.

    First the shared fields, then where the version comes from:
    `generation`, `kafka_partition`, `kafka_offset`: the place of the newest message that carries this state;
    `hendelse_tidspunkt`: the record time of the first message that carried it, from when it is valid;
    `mottatt_tidspunkt`: when we stored this state.
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
    opprettet_tidspunkt: datetime
    endret_tidspunkt: datetime
    generation: int
    kafka_partition: int
    kafka_offset: int
    hendelse_tidspunkt: datetime
    mottatt_tidspunkt: datetime

    @property
    def place(self) -> Place:
        """Where the message of this version stands on the topic."""
        return Place(self.generation, self.kafka_partition, self.kafka_offset)

    def same_state(self, other: "Avtale") -> bool:
        """True when no shared field differs, wherever the two versions come from."""
        return self[:SHARED] == other[:SHARED]

    def differing(self, other: "Avtale") -> list[str]:
        """The shared columns in which the two versions differ."""
        pairs = zip(COLUMNS[:SHARED], self, other, strict=False)
        return [column for column, mine, others in pairs if mine != others]

    def is_newer_than(self, other: "Avtale") -> bool:
        """The rule of the newest. `endret_tidspunkt` alone cannot order two versions.

        A STATUSENDRING keeps the time of the last edit, so several messages carry the same one.
        """
        return _order(self) > _order(other)

    def is_same_message_as(self, other: "Avtale") -> bool:
        """True when both were read from one message, maybe by different releases.

        By its place: a release that reads times better may find another `endret_tidspunkt` in it.
        """
        return self.place == other.place

    def continues(self, other: "Avtale") -> "Avtale":
        """This version, told as a continuation of the same state: valid and stored since `other` was."""
        return self._replace(
            hendelse_tidspunkt=other.hendelse_tidspunkt, mottatt_tidspunkt=other.mottatt_tidspunkt
        )


COLUMNS: tuple[str, ...] = Avtale._fields
"""The columns of the table `avtale`, in order."""

SHARED = COLUMNS.index("generation")
"""How many of the columns, from the first, are shared fields."""


class Superseded(NamedTuple):
    """A version that another one has taken the place of: a row of `avtale_historikk`.

    Times may run backwards on the topic; then the interval is empty and answers no question.
    """

    avtale: Avtale
    gyldig_fra: datetime
    gyldig_til: datetime

    @classmethod
    def by(cls, successor: Avtale, avtale: Avtale) -> "Superseded":
        """`avtale` as history, from when `successor` is valid."""
        fra = avtale.hendelse_tidspunkt
        return cls(avtale, fra, max(fra, successor.hendelse_tidspunkt))

    def says_the_same_as(self, avtale: Avtale) -> bool:
        """True when `avtale` has this state, and was sent while it was the newest."""
        time = avtale.hendelse_tidspunkt
        is_then = time == self.gyldig_fra or self.gyldig_fra < time < self.gyldig_til
        return is_then and self.avtale.same_state(avtale)


def _order(avtale: Avtale) -> tuple[datetime, int, int]:
    return (avtale.endret_tidspunkt, avtale.generation, avtale.kafka_offset)
