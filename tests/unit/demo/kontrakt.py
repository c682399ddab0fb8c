"""Every field of a message with its type, and the known enum values, as the contract lists them."""

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]


def _of(*types: type) -> Check:
    return lambda value: type(value) in types


def _matches(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _object(**fields: Check) -> Check:
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and all(check(value[name]) for name, check in fields.items())
    )


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


_string, _int, _bool, _number = _of(str), _of(int), _of(bool), _of(int, float)
_uuid = _matches(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_date = _matches(r"\d{4}-\d\d-\d\d")
_local = _matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?")
_instant = _matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")

_TYPES: dict[str, Check] = {
    "string": _string,
    "string?": _or_null(_string),
    "uuid": _uuid,
    "int": _int,
    "int?": _or_null(_int),
    "number?": _or_null(_number),
    "bool": _bool,
    "bool?": _or_null(_bool),
    "date?": _or_null(_date),
    "local": _local,
    "local?": _or_null(_local),
    "instant": _instant,
    "instant?": _or_null(_instant),
    "[]": lambda value: value == [],
}
_SIMPLE = """
string hendelseType avtaleStatus tiltakstype innholdType utførtAv utførtAvRolle
string? deltakerFnr mentorFnr bedriftNr veilederNavIdent godkjentAvNavIdent godkjentAvBeslutterNavIdent
string? annullertGrunn enhetGeografisk enhetsnavnGeografisk enhetOppfolging enhetsnavnOppfolging
string? enhetKostnadssted enhetsnavnKostnadssted kvalifiseringsgruppe formidlingsgruppe deltakerFornavn
string? deltakerEtternavn deltakerTlf bedriftNavn arbeidsgiverFornavn arbeidsgiverEtternavn arbeidsgiverTlf
string? veilederFornavn veilederEtternavn veilederTlf mentorFornavn mentorEtternavn mentorOppgaver mentorTlf
string? oppfolging tilrettelegging journalpostId arbeidsoppgaver stillingstittel arbeidsgiverKontonummer
string? familietilknytningForklaring inkluderingstilskuddBegrunnelse stillingstype opphav forkortetGrunn
uuid avtaleId
int? avtaleNr
int versjon inkluderingstilskuddTotalBeløp
local opprettetTidspunkt
instant sistEndret
instant? annullertTidspunkt
bool slettemerket opprettetAvArbeidsgiver godkjentForEtterregistrering feilregistrert godkjentPaVegneAv
bool godkjentPaVegneAvArbeidsgiver
bool? harFamilietilknytning
date? startDato sluttDato datoForRedusertProsent
int? stillingStyrk08 stillingKonseptId mentorTimelonn lonnstilskuddProsent manedslonn feriepengerBelop
int? otpBelop arbeidsgiveravgiftBelop sumLonnsutgifter sumLonnstilskudd manedslonn100pst
int? sumLønnstilskuddRedusert
number? stillingprosent antallDagerPerUke feriepengesats arbeidsgiveravgift mentorAntallTimer otpSats
local? godkjentAvDeltaker godkjentAvArbeidsgiver godkjentAvVeileder godkjentAvBeslutter avtaleInngått
local? ikrafttredelsestidspunkt godkjentTaushetserklæringAvMentor
[] tilskuddPeriode
"""
_COMPOUND: dict[str, Check] = {
    "maal": _list_of(_object(id=_uuid, kategori=_string, beskrivelse=_string)),
    "inkluderingstilskuddsutgift": _list_of(_object(id=_uuid, beløp=_int, type=_string)),
    "refusjonKontaktperson": _or_null(
        _object(
            refusjonKontaktpersonFornavn=_string,
            refusjonKontaktpersonEtternavn=_string,
            refusjonKontaktpersonTlf=_string,
            ønskerVarslingOmRefusjon=_bool,
        )
    ),
    "godkjentPaVegneGrunn": _or_null(
        _object(ikkeBankId=_bool, reservert=_bool, digitalKompetanse=_bool, arenaMigreringDeltaker=_bool)
    ),
    "godkjentPaVegneAvArbeidsgiverGrunn": _or_null(
        _object(
            klarerIkkeGiFaTilgang=_bool,
            vetIkkeHvemSomKanGiTilgang=_bool,
            farIkkeTilgangPersonvern=_bool,
            arenaMigreringArbeidsgiver=_bool,
        )
    ),
}

FELTER = _COMPOUND | {
    name: _TYPES[type_] for type_, *names in map(str.split, _SIMPLE.strip().splitlines()) for name in names
}
SJELDNE = {"opphav", "forkortetGrunn"}

ENUMS: dict[str, set[str | None]] = {
    "tiltakstype": {
        "ARBEIDSTRENING",
        "MIDLERTIDIG_LONNSTILSKUDD",
        "VARIG_LONNSTILSKUDD",
        "MENTOR",
        "INKLUDERINGSTILSKUDD",
        "SOMMERJOBB",
        "VTAO",
        "FIREARIG_LONNSTILSKUDD",
    },
    "avtaleStatus": {
        "ANNULLERT",
        "PÅBEGYNT",
        "MANGLER_GODKJENNING",
        "KLAR_FOR_OPPSTART",
        "GJENNOMFØRES",
        "AVSLUTTET",
    },
    "stillingstype": {"FAST", "MIDLERTIDIG", None},
    "opphav": {"VEILEDER", "ARBEIDSGIVER", "ARENA", None},
    "utførtAvRolle": {"SYSTEM", "VEILEDER", "ARBEIDSGIVER", "BESLUTTER", "MENTOR", "DELTAKER"},
    "kvalifiseringsgruppe": {"BFORM", "VARIG", "BATT", "IVURD"},
    "formidlingsgruppe": {"ARBS", "IARBS", "ISERV"},
    "annullertGrunn": {"Feilregistrering", "Ikke møtt", "Syk", "Begynt i arbeid", None},
}
