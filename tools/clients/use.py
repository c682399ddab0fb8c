"""Uses the generated client as a consumer in Python does: run by `make clients`.

With API, TOKEN and FNR in the environment it calls a running service, such as that of `make demo`. Without
them the examples of the OpenAPI document answer: every lookup is sent with each example of a request, and
gets each example of a response, errors included. The client must send and read exactly the examples.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import attrs
import httpx
from datadeling_klient import AuthenticatedClient
from datadeling_klient.api.avtaler import hent_avtale, hent_avtale_med_nr, sok_avtaler
from datadeling_klient.api.historikk import hent_historikk
from datadeling_klient.api.tiltaksstatus import tiltaksstatus, tiltaksstatus_bolk
from datadeling_klient.models import (
    Avtalefelt,
    AvtalesoekSpoersmaal,
    BolkSpoersmaal,
    Tiltaksstatus,
    TiltaksstatusSpoersmaal,
)

Json = dict[str, Any]
Ask = Callable[[AuthenticatedClient, Json], Any]

_PURPOSE = "B123"
_ID = UUID("5f9a6f0c-2a3c-4f0e-9f5e-0b8a3c1d7e42")
_FELTER = [Avtalefelt.AVTALEID, Avtalefelt.STARTDATO]


def _with_body(call: ModuleType, question: Any) -> Ask:  # noqa: ANN401 (a class of the client)
    return lambda client, body: call.sync_detailed(
        client=client, body=question.from_dict(body), behandlingsnummer=_PURPOSE
    )


_LOOKUPS: Mapping[str, Ask] = {
    "tiltaksstatus": _with_body(tiltaksstatus, TiltaksstatusSpoersmaal),
    "tiltaksstatusBolk": _with_body(tiltaksstatus_bolk, BolkSpoersmaal),
    "sokAvtaler": _with_body(sok_avtaler, AvtalesoekSpoersmaal),
    "hentAvtale": lambda client, _: hent_avtale.sync_detailed(
        _ID, client=client, felter=_FELTER, behandlingsnummer=_PURPOSE
    ),
    "hentAvtaleMedNr": lambda client, _: hent_avtale_med_nr.sync_detailed(
        client=client, avtale_nr=123456, felter=_FELTER, behandlingsnummer=_PURPOSE
    ),
    "hentHistorikk": lambda client, _: hent_historikk.sync_detailed(
        _ID, client=client, behandlingsnummer=_PURPOSE
    ),
}


def ask(url: str, token: str, fnr: str) -> None:
    """Print the status of a person."""
    with AuthenticatedClient(url, token) as client:
        body = TiltaksstatusSpoersmaal(fnr=fnr)
        answer = tiltaksstatus.sync(client=client, body=body, behandlingsnummer=_PURPOSE)
    if not isinstance(answer, Tiltaksstatus):
        sys.exit(f"no answer: {answer}")
    print(answer.paa_tiltak, answer.antall, [tiltak.tiltakstype for tiltak in answer.naavaerende])


def try_examples(description: Json) -> None:
    """Raise `AssertionError` for an example that the client sends or reads as something else."""
    calls = [call for path in description["paths"].values() for call in path.values() if "tags" in call]
    lookups = {call["operationId"]: call for call in calls if call["tags"] != ["admin"]}
    assert lookups.keys() == _LOOKUPS.keys(), f"not tried: {lookups.keys() ^ _LOOKUPS.keys()}"
    for name, call in lookups.items():
        questions = list(_examples(call.get("requestBody", {}))) or [{}]
        answers = list(_answers(call, description["components"]["responses"]))
        for question in questions:
            for status, value in answers:
                _try(_LOOKUPS[name], question, status, value)
        good = sum(status == httpx.codes.OK for status, _ in answers)
        print(f"{name}: {len(questions)} questions, {good} answers, {len(answers) - good} errors")


def _try(lookup: Ask, question: Json, status: int, value: Json) -> None:
    def answered(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content or "{}")
        assert _plain(sent | question) == _plain(sent), f"{question} became {sent}"
        assert request.headers["Behandlingsnummer"] == _PURPOSE
        return httpx.Response(status, json=value)

    transport = {"transport": httpx.MockTransport(answered)}
    with AuthenticatedClient("http://datadeling.invalid", "token", httpx_args=transport) as client:
        read = lookup(client, question).parsed
    assert read is not None, f"{status} is not read"
    assert not list(_unread(read)), f"not read: {list(_unread(read))} in {value}"
    assert _plain(read.to_dict()) == _plain(value), f"{value} became {read}"


def _unread(read: Any) -> Iterator[str]:  # noqa: ANN401 (a value of the client's)
    """Return the fields that the client has not parsed: it accepts values of the wrong type as they are."""
    yield from getattr(read, "additional_properties", {})
    for field in attrs.fields(type(read)):
        value = getattr(read, field.name)
        for each in value if isinstance(value, list) else [value]:
            if attrs.has(type(each)):
                yield from _unread(each)
            kinds = {*re.findall(r"\w+", str(field.type)), "NoneType" if "None" in str(field.type) else ""}
            is_number = "float" in kinds and isinstance(each, int)
            if type(each).__name__ not in kinds and not is_number and field.name != "additional_properties":
                yield field.name


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Parse every time in a document, so that its spellings compare as equal."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    is_time = isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}T", value)
    return datetime.fromisoformat(value) if is_time else value


def _answers(call: Json, shared: Json) -> Iterator[tuple[int, Json]]:
    for status, response in call["responses"].items():
        schema = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        yield from ((int(status), value) for value in _examples(schema))


def _examples(schema: Json) -> Iterator[Json]:
    for media in schema.get("content", {}).values():
        yield from (example["value"] for example in media["examples"].values())


if __name__ == "__main__":
    if "API" in os.environ:
        ask(os.environ["API"], os.environ["TOKEN"], os.environ["FNR"])
    else:
        try_examples(json.loads(Path(sys.argv[1]).read_bytes()))
