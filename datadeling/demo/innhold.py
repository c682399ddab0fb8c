"""The fields of a synthetic avtale, group by group: all in the contract but status and dates. Pure."""

import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from datadeling.demo import felter
from datadeling.demo.fnr import syntetisk_fnr
from datadeling.demo.parter import Felter, navident, ny_id, tlf
from datadeling.demo.tider import instant, oslo_time
from datadeling.demo.tilfeldig import between, chance, pick

PROSENTER = [Decimal(p) for p in felter.STILLINGSPROSENTER]
_DAGER = [Decimal(d) for d in felter.DAGER_PER_UKE]
_ARBEIDSGIVERAVGIFT = [Decimal(a) for a in ("0.141", "0.106", "0.064", "0.051", "0")]
_FERIEPENGER = Decimal("0.12")
_OTP = Decimal("0.02")

_GODKJENNING = ("godkjentAvDeltaker", "godkjentAvArbeidsgiver", "godkjentAvVeileder")
_GODKJENNING_FELTER = (
    *_GODKJENNING, "godkjentAvBeslutter", "avtaleInngått", "ikrafttredelsestidspunkt", "godkjentAvNavIdent",
    "godkjentAvBeslutterNavIdent", "godkjentPaVegneGrunn", "godkjentPaVegneAvArbeidsgiverGrunn",
)  # fmt: skip
_PAA_VEGNE_GRUNN = ("ikkeBankId", "reservert", "digitalKompetanse", "arenaMigreringDeltaker")
_PAA_VEGNE_AV_ARBEIDSGIVER_GRUNN = (
    "klarerIkkeGiFaTilgang", "vetIkkeHvemSomKanGiTilgang", "farIkkeTilgangPersonvern",
    "arenaMigreringArbeidsgiver",
)  # fmt: skip
_STILLING_FELTER = (
    "stillingstittel", "stillingStyrk08", "stillingKonseptId", "stillingprosent", "antallDagerPerUke",
)  # fmt: skip
_LONN_FELTER = (
    "lonnstilskuddProsent", "manedslonn", "feriepengesats", "feriepengerBelop", "otpSats", "otpBelop",
    "arbeidsgiveravgift", "arbeidsgiveravgiftBelop", "sumLonnsutgifter", "sumLonnstilskudd",
    "manedslonn100pst", "sumLønnstilskuddRedusert", "datoForRedusertProsent", "stillingstype",
    "harFamilietilknytning", "familietilknytningForklaring", "refusjonKontaktperson",
)  # fmt: skip
_MENTOR_FELTER = (
    "mentorFnr", "mentorFornavn", "mentorEtternavn", "mentorTlf", "mentorOppgaver", "mentorTimelonn",
    "mentorAntallTimer", "godkjentTaushetserklæringAvMentor",
)  # fmt: skip


def godkjenninger(
    rng: random.Random, veileder: str, tidspunkt: Callable[[], datetime], *, inngaatt: bool, antall: int
) -> Felter:
    """Who has approved, and when: all of them and then the avtale is made, or the first `antall` of three.

    `tidspunkt` gives the next time, in UTC; it never goes back.
    """
    fields: Felter = dict.fromkeys(_GODKJENNING_FELTER) | {
        "godkjentPaVegneAv": False,
        "godkjentPaVegneAvArbeidsgiver": False,
    }
    for name in _GODKJENNING[: 3 if inngaatt else antall]:
        fields[name] = oslo_time(rng, tidspunkt())
    if not inngaatt:
        return fields
    fields["godkjentAvNavIdent"] = veileder
    if chance(rng, 0.3):
        fields["godkjentAvBeslutter"] = oslo_time(rng, tidspunkt())
        fields["godkjentAvBeslutterNavIdent"] = navident(rng)
    fields["avtaleInngått"] = fields["ikrafttredelsestidspunkt"] = oslo_time(rng, tidspunkt())
    if chance(rng, 0.12):
        fields["godkjentPaVegneAv"] = True
        fields["godkjentPaVegneGrunn"] = _one_true(rng, _PAA_VEGNE_GRUNN)
    if chance(rng, 0.03):
        fields["godkjentPaVegneAvArbeidsgiver"] = True
        fields["godkjentPaVegneAvArbeidsgiverGrunn"] = _one_true(rng, _PAA_VEGNE_AV_ARBEIDSGIVER_GRUNN)
    return fields


def annullering(rng: random.Random, tidspunkt: datetime | None) -> Felter:
    """When and why it was called off, at `tidspunkt` in UTC, or that it was not."""
    if tidspunkt is None:
        return {"annullertTidspunkt": None, "annullertGrunn": None, "feilregistrert": False}
    grunn = pick(rng, felter.ANNULLERT_GRUNN)
    return {
        "annullertTidspunkt": instant(rng, tidspunkt),
        "annullertGrunn": grunn,
        "feilregistrert": grunn == "Feilregistrering",
    }


def stilling(rng: random.Random, *, kjent: bool) -> Felter:
    """What the participant is to do, and how much; nothing of it where it is not `kjent` yet."""
    if not kjent:
        return dict.fromkeys(_STILLING_FELTER)
    tittel, styrk, konsept = pick(rng, felter.STILLINGER)
    return {
        "stillingstittel": tittel,
        "stillingStyrk08": styrk,
        "stillingKonseptId": konsept,
        "stillingprosent": pick(rng, PROSENTER),
        "antallDagerPerUke": pick(rng, _DAGER),
    }


def lonn(rng: random.Random, *, tilskudd: bool) -> Felter:
    """Wage, what it costs and what is paid back; all null without `tilskudd`."""
    if not tilskudd:
        return dict.fromkeys(_LONN_FELTER)
    maned = 18_000 + int(rng.random() * 30_000)
    prosent = pick(rng, (40, 60, 75))
    avgift = pick(rng, _ARBEIDSGIVERAVGIFT)
    ferie, otp = int(maned * _FERIEPENGER), int(maned * _OTP)
    avgift_belop = int((maned + ferie + otp) * avgift)
    sum_ = maned + ferie + otp + avgift_belop
    return {
        "lonnstilskuddProsent": prosent,
        "manedslonn": maned,
        "feriepengesats": _FERIEPENGER,
        "feriepengerBelop": ferie,
        "otpSats": _OTP,
        "otpBelop": otp,
        "arbeidsgiveravgift": avgift,
        "arbeidsgiveravgiftBelop": avgift_belop,
        "sumLonnsutgifter": sum_,
        "sumLonnstilskudd": sum_ * prosent // 100,
        "manedslonn100pst": maned,
        "sumLønnstilskuddRedusert": sum_ * (prosent - 10) // 100,
        "datoForRedusertProsent": None,
        "stillingstype": pick(rng, ("FAST", "MIDLERTIDIG")),
        "harFamilietilknytning": chance(rng, 0.02),
        "familietilknytningForklaring": None,
        "refusjonKontaktperson": _kontaktperson(rng) if chance(rng, 0.3) else None,
    }


def mentor(rng: random.Random, tidspunkt: datetime | None) -> Felter:
    """Who the mentor is; with `tidspunkt`, in UTC, the time of the declaration of confidentiality."""
    if tidspunkt is None:
        return dict.fromkeys(_MENTOR_FELTER)
    return {
        "mentorFnr": syntetisk_fnr(rng),
        "mentorFornavn": pick(rng, felter.FORNAVN),
        "mentorEtternavn": pick(rng, felter.ETTERNAVN),
        "mentorTlf": tlf(rng),
        "mentorOppgaver": _text(rng, 2),
        "mentorTimelonn": 200 + int(rng.random() * 250),
        "mentorAntallTimer": pick(rng, (Decimal("7.5"), Decimal(10), Decimal("2.25"))),
        "godkjentTaushetserklæringAvMentor": oslo_time(rng, tidspunkt),
    }


def tekster(rng: random.Random, *, kjent: bool, inkludering: bool) -> Felter:
    """Free text and lists; short in most avtaler and long in a few."""
    length = min(12, int(rng.paretovariate(1.6))) if kjent else 0
    utgifter = [
        {
            "id": ny_id(rng),
            "beløp": between(rng, 1, 400) * 100,
            "type": pick(rng, felter.INKLUDERINGSUTGIFTER),
        }
        for _ in range(between(rng, 1, 4) if inkludering else 0)
    ]
    return {
        "oppfolging": _text(rng, length - 1),
        "tilrettelegging": _text(rng, length - 1),
        "arbeidsoppgaver": _text(rng, length),
        "maal": [
            {"id": ny_id(rng), "kategori": pick(rng, felter.MAALKATEGORIER), "beskrivelse": _text(rng, 1)}
            for _ in range((length + between(rng, 0, 2)) // 3)
        ],
        "inkluderingstilskuddsutgift": utgifter,
        "inkluderingstilskuddTotalBeløp": sum(utgift["beløp"] for utgift in utgifter),
        "inkluderingstilskuddBegrunnelse": _text(rng, 2) if inkludering else None,
    }


def _kontaktperson(rng: random.Random) -> Felter:
    return {
        "refusjonKontaktpersonFornavn": pick(rng, felter.FORNAVN),
        "refusjonKontaktpersonEtternavn": pick(rng, felter.ETTERNAVN),
        "refusjonKontaktpersonTlf": tlf(rng),
        "ønskerVarslingOmRefusjon": chance(rng, 0.7),
    }


def _text(rng: random.Random, sentences: int) -> str | None:
    if sentences <= 0:
        return None
    return " ".join([pick(rng, felter.SETNINGER) for _ in range(sentences)])


def _one_true(rng: random.Random, names: tuple[str, ...]) -> dict[str, bool]:
    chosen = pick(rng, names)
    return {name: name == chosen for name in names}
