"""A version of an avtale as we store and share it, and the rule for which of two versions wins."""

from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from datadeling.domain.hendelse import Place

_order = attrgetter("endret_tidspunkt", "generation", "kafka_offset")


class Avtale(NamedTuple):
    """One version of an avtale. Its fields are the columns of the table `avtale`, maybe in another order.

    First the shared fields of `domain/felt.py`, then the origin:
    `generation`, `kafka_partition`, `kafka_offset`: the place of the newest message that carries this state;
    `hendelse_tidspunkt`: the record time of the first message that carried it, from when it is valid;
    `mottatt_tidspunkt`: the time at which we stored this state.
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
        """Return the place on the topic of the message of this version."""
        return Place(self.generation, self.kafka_partition, self.kafka_offset)

    def same_state(self, other: "Avtale") -> bool:
        """Return True when no shared field differs, whatever the origin of the two versions."""
        return self[:SHARED] == other[:SHARED]

    def differing(self, other: "Avtale") -> list[str]:
        """Return the shared columns in which the two versions differ."""
        pairs = zip(COLUMNS[:SHARED], self[:SHARED], other[:SHARED], strict=True)
        return [column for column, mine, others in pairs if mine != others]

    def is_newer_than(self, other: "Avtale") -> bool:
        """Return True when this version wins over `other`: the rule of the newest.

        `endret_tidspunkt` alone cannot order two versions: a STATUSENDRING keeps the time of the last edit,
        so several messages carry the same one.
        """
        return bool(_order(self) > _order(other))

    def is_same_message_as(self, other: "Avtale") -> bool:
        """Return True when both were read from one message, maybe by different releases.

        Compared by place: a release that parses times better may read another `endret_tidspunkt` from it.
        """
        return (
            self.kafka_offset == other.kafka_offset
            and self.kafka_partition == other.kafka_partition
            and self.generation == other.generation
        )

    def continues(self, other: "Avtale") -> "Avtale":
        """Return this version as a continuation of the same state: valid and stored since `other` was."""
        return self._replace(
            hendelse_tidspunkt=other.hendelse_tidspunkt, mottatt_tidspunkt=other.mottatt_tidspunkt
        )


COLUMNS: tuple[str, ...] = Avtale._fields
"""The columns of the table `avtale`."""

SHARED = COLUMNS.index("generation")
"""The index at which the shared fields end in an `Avtale` and in `COLUMNS`."""


class Superseded(NamedTuple):
    """A version that another one has replaced: a row of `avtale_historikk`.

    Times may run backwards on the topic; then the interval is empty, and no as-of lookup finds the version.
    """

    avtale: Avtale
    gyldig_fra: datetime
    gyldig_til: datetime

    @classmethod
    def by(cls, successor: Avtale, avtale: Avtale) -> "Superseded":
        """Return `avtale` as history that ends when `successor` becomes valid."""
        gyldig_fra = avtale.hendelse_tidspunkt
        return cls(avtale, gyldig_fra, max(gyldig_fra, successor.hendelse_tidspunkt))

    def has_state_of(self, avtale: Avtale) -> bool:
        """Return True when `avtale` has this state and was sent while this version was the newest."""
        time = avtale.hendelse_tidspunkt
        is_then = time == self.gyldig_fra or self.gyldig_fra < time < self.gyldig_til
        return is_then and self.avtale.same_state(avtale)
