"""Who a synthetic avtale is between, and who follows it up. Nobody of them exists. Pure."""

import random
import uuid
from typing import Any, NamedTuple

from datadeling.demo import felter
from datadeling.demo.fnr import syntetisk_fnr
from datadeling.demo.tilfeldig import chance, pick

Felter = dict[str, Any]


class Person(NamedTuple):
    """A participant."""

    fnr: str
    fornavn: str
    etternavn: str
    tlf: str


class Bedrift(NamedTuple):
    """An employer."""

    nr: str
    navn: str


def ny_person(rng: random.Random) -> Person:
    """Somebody who does not exist."""
    return Person(syntetisk_fnr(rng), pick(rng, felter.FORNAVN), pick(rng, felter.ETTERNAVN), tlf(rng))


def ny_bedrift(rng: random.Random) -> Bedrift:
    """An employer with a number from the series of synthetic ones, which begin with 3."""
    nr = f"3{int(rng.random() * 100_000_000):08}"
    return Bedrift(nr, f"{pick(rng, felter.BEDRIFTER)} {pick(rng, felter.SELSKAPSFORMER)}")


def tlf(rng: random.Random) -> str:
    """A telephone number that no telephone has: none begins with 0."""
    return f"000{int(rng.random() * 100_000):05}"


def navident(rng: random.Random) -> str:
    """A NAV identity of the kind that tests use, a Z and six digits."""
    return f"Z{int(rng.random() * 1_000_000):06}"


def ny_id(rng: random.Random) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def grunnlag(rng: random.Random, nr: int, person: Person, bedrift: Bedrift) -> Felter:
    """Who it is between, who follows it up, and its keys."""
    enhet, enhetsnavn = pick(rng, felter.ENHETER)
    oppfolging, oppfolgingsnavn = pick(rng, felter.ENHETER)
    kostnadssted, kostnadsstedsnavn = (enhet, enhetsnavn) if chance(rng, 0.3) else (None, None)
    return {
        "avtaleId": ny_id(rng),
        "avtaleNr": None if chance(rng, 0.03) else nr,
        "versjon": 1 + int(rng.expovariate(2)),
        "deltakerFnr": None if chance(rng, 0.005) else person.fnr,
        "deltakerFornavn": person.fornavn,
        "deltakerEtternavn": person.etternavn,
        "deltakerTlf": person.tlf,
        "bedriftNr": bedrift.nr,
        "bedriftNavn": bedrift.navn,
        "arbeidsgiverFornavn": pick(rng, felter.FORNAVN),
        "arbeidsgiverEtternavn": pick(rng, felter.ETTERNAVN),
        "arbeidsgiverTlf": tlf(rng),
        "arbeidsgiverKontonummer": f"0000{int(rng.random() * 10_000_000):07}" if chance(rng, 0.4) else None,
        "veilederNavIdent": navident(rng),
        "veilederFornavn": pick(rng, felter.FORNAVN),
        "veilederEtternavn": pick(rng, felter.ETTERNAVN),
        "veilederTlf": tlf(rng),
        "enhetGeografisk": enhet,
        "enhetsnavnGeografisk": enhetsnavn,
        "enhetOppfolging": oppfolging,
        "enhetsnavnOppfolging": oppfolgingsnavn,
        "enhetKostnadssted": kostnadssted,
        "enhetsnavnKostnadssted": kostnadsstedsnavn,
        "kvalifiseringsgruppe": pick(rng, felter.KVALIFISERINGSGRUPPER),
        "formidlingsgruppe": pick(rng, felter.FORMIDLINGSGRUPPER),
        "slettemerket": False,
        "opprettetAvArbeidsgiver": chance(rng, 0.1),
        "godkjentForEtterregistrering": chance(rng, 0.05),
        "journalpostId": str(400_000_000 + nr) if chance(rng, 0.5) else None,
        "tilskuddPeriode": [],
    }
