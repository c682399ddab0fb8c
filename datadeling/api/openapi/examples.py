"""Examples of shared fields, and of requests and responses by `operationId`. Persons are synthetic.

A call that has no example here gets one that is put together from the examples of its properties.
"""

from collections.abc import Mapping
from typing import Any

from datadeling.api.schemas import EXAMPLE_FNR, EXAMPLE_ID, EXAMPLE_TIME
from datadeling.api.texts import NO_FNR
from datadeling.domain.felt import FELTER, Felt, Type

Examples = Mapping[str, tuple[str, Any]]
"""The summary and the value of each, by name."""

_EARLIER_FNR = "15877512441"  # synthetic, too
_BY_TYPE: Mapping[Type, Any] = {
    Type.UUID: EXAMPLE_ID, Type.TEXT: "tekst", Type.INTEGER: 3, Type.NUMBER: 62.5, Type.DATE: "2026-02-01",
    Type.TIME: EXAMPLE_TIME, Type.BOOLEAN: False,
}  # fmt: skip
_BY_NAME: Mapping[str, Any] = {
    "avtaleNr": 123456, "deltakerFnr": EXAMPLE_FNR, "bedriftNr": "999999999", "veilederNavIdent": "Z999999",
    "tiltakstype": "MIDLERTIDIG_LONNSTILSKUDD", "avtaleStatus": "GJENNOMFØRES", "sluttDato": "2026-07-31",
    "varighetDager": 181, "antallDagerPerUke": 3, "stillingstype": "MIDLERTIDIG",
    "godkjentAvNavIdent": "Z999999", "godkjentAvBeslutterNavIdent": "Z888888", "annullertTidspunkt": None,
    "opprettetTidspunkt": "2026-01-12T10:00:00+01:00", "godkjentAvDeltaker": "2026-01-14T09:30:00+01:00",
    "godkjentAvArbeidsgiver": "2026-01-15T14:12:31.5+01:00",
}  # fmt: skip


def field_example(felt: Felt) -> Any:  # noqa: ANN401 (any JSON)
    """Return the example of a shared field: one of its own, else a known value, else that of its type."""
    return _BY_NAME.get(felt.json, felt.known[0] if felt.known else _BY_TYPE[felt.type])


_AVTALE = {felt.json: field_example(felt) for felt in FELTER}
_TILTAK = {
    name: {**_AVTALE, **_BY_NAME}[name]
    for name in (
        "avtaleId", "avtaleNr", "tiltakstype", "startDato", "sluttDato", "varighetDager", "stillingprosent",
        "antallDagerPerUke", "bedriftNr",
    )
}  # fmt: skip
_STATUS = {"paaTiltak": True, "antall": 1, "naavaerende": [_TILTAK], "kommende": [], "tidligere": []}
_NOT_ON_TILTAK = {"paaTiltak": False, "antall": 0, "naavaerende": [], "kommende": [], "tidligere": []}
_FEW = {name: _AVTALE[name] for name in ("avtaleId", "tiltakstype", "startDato", "sluttDato")}
_MARKER = "AALrfUCd1FBfmm8MKjxPDp9eC4o8HX5CPC-ZDQ"
_COMPLETE_FROM = {"historikkKomplettFra": "2026-01-01T00:00:00+01:00"}
_ONE_AVTALE: Examples = {"alt": ("Alle felt", _AVTALE), "felter": ("Bare feltene i felter", _FEW)}

# fmt: off
REQUESTS: Mapping[str, Examples] = {
    "tiltaksstatus": {
        "iDag": ("Er personen på tiltak i dag?", {"fnr": EXAMPLE_FNR}),
        "enDag": ("En bestemt dag, bare feltene som trengs, for en person som har byttet nummer", {
            "identer": [EXAMPLE_FNR, _EARLIER_FNR], "dato": "2026-03-01",
            "felter": ["tiltakstype", "startDato", "sluttDato", "varighetDager"],
        }),
        "kjentDa": ("Det som var kjent på et tidspunkt", {"fnr": EXAMPLE_FNR, "tidspunkt": EXAMPLE_TIME}),
    },
    "tiltaksstatusBolk": {
        "flere": ("Flere personer i ett kall", {
            "personer": [{"fnr": EXAMPLE_FNR}, {"identer": [_EARLIER_FNR]}], "dato": "2026-03-01",
            "felter": ["tiltakstype", "startDato", "sluttDato"],
        }),
    },
    "sokAvtaler": {
        "person": ("En persons avtaler, bare feltene som trengs", {"fnr": EXAMPLE_FNR, "felter": [*_FEW]}),
        "bedrift": ("Avtaler hos en bedrift med minst én dag i første halvår", {
            "bedriftNr": "999999999", "periode": {"fom": "2026-01-01", "tom": "2026-06-30"},
        }),
        "nesteSide": ("Neste side av alle av en type (krever rollen bulk)", {
            "tiltakstype": "VTAO", "antall": 1000, "markoer": _MARKER,
        }),
    },
    "adminBestillReplay": {
        "alt": ("Alt som topicet har", {"fromBeginning": True, "begrunnelse": "ny kolonne opphav"}),
        "enAvtale": ("Bare meldingene om én avtale", {"avtaleId": EXAMPLE_ID}),
    },
}

RESPONSES: Mapping[str, Examples] = {
    "tiltaksstatus": {
        "paaTiltak": ("Personen er på ett tiltak", _STATUS),
        "ikkePaaTiltak": ("Personen er ukjent, eller er ikke på noe tiltak", _NOT_ON_TILTAK),
        "kjentDa": ("Med tidspunkt", _STATUS | _COMPLETE_FROM),
    },
    "tiltaksstatusBolk": {
        "flere": ("Én på tiltak, én ikke, én som det var noe galt med", {"resultater": [
            {"kode": "OK", **_STATUS},
            {"kode": "OK", **_NOT_ON_TILTAK},
            {"kode": "UGYLDIGE_FELT", "feil": [{"felt": "fnr", "melding": NO_FNR}]},
        ]}),
    },
    "sokAvtaler": {
        "flereSider": ("Det er flere", {"avtaler": [_FEW], "markoer": _MARKER}),
        "sisteSide": ("Siste side", {"avtaler": [_AVTALE], "markoer": None}),
        "ingen": ("Ingen slike avtaler", {"avtaler": [], "markoer": None}),
    },
    "hentHistorikk": {
        "toVersjoner": ("Sluttdatoen ble utsatt", {"versjoner": [
            {"gyldigFra": EXAMPLE_TIME, "gyldigTil": None, "endret": ["sluttDato"], "avtale": _FEW},
            {"gyldigFra": "2026-01-12T10:00:00+01:00", "gyldigTil": EXAMPLE_TIME, "endret": [],
             "avtale": {**_FEW, "sluttDato": "2026-04-30"}},
        ], **_COMPLETE_FROM}),
    },
    "hentAvtale": _ONE_AVTALE,
    "hentAvtaleMedNr": _ONE_AVTALE,
}
# fmt: on


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any JSON)
    """Return an example that is put together from those of the properties."""
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas)]
    if "properties" not in schema:
        return None
    values = {name: example_of(inner, schemas) for name, inner in schema["properties"].items()}
    required = schema.get("required", ())
    return {name: value for name, value in values.items() if value is not None or name in required}
