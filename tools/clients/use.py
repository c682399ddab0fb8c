"""What a consumer in Python does with the generated client: run by `make clients`.

With API, TOKEN and FNR in the environment it asks a running service, such as that of `make demo`. Without
them it reads the examples of the description into the client's types.
"""

import json
import os
import sys
from pathlib import Path

from datadeling_klient import AuthenticatedClient
from datadeling_klient.api.tiltaksstatus import tiltaksstatus
from datadeling_klient.models import Avtaler, Bolk, Historikk, Tiltaksstatus, TiltaksstatusSpoersmaal

_TYPES = {
    "tiltaksstatus": Tiltaksstatus,
    "tiltaksstatusBolk": Bolk,
    "sokAvtaler": Avtaler,
    "hentHistorikk": Historikk,
}


def ask(url: str, token: str, fnr: str) -> None:
    """Print the status of a person."""
    with AuthenticatedClient(url, token) as client:
        body = TiltaksstatusSpoersmaal(fnr=fnr)
        answer = tiltaksstatus.sync(client=client, body=body, behandlingsnummer="B123")
    if not isinstance(answer, Tiltaksstatus):
        sys.exit(f"no answer: {answer}")
    print(answer.paa_tiltak, answer.antall, [tiltak.tiltakstype for tiltak in answer.naavaerende])


def read_examples(description: Path) -> None:
    """Raise `AssertionError` for an example that the client's types do not hold."""
    for path in json.loads(description.read_bytes())["paths"].values():
        for call in (call for call in path.values() if isinstance(call, dict)):
            if call["operationId"] in _TYPES:
                examples = call["responses"]["200"]["content"]["application/json"]["examples"]
                for name, example in examples.items():
                    read = _TYPES[call["operationId"]].from_dict(example["value"])
                    assert not read.additional_properties, f"unknown to the client in {name}"
                    assert _TYPES[call["operationId"]].from_dict(read.to_dict()) == read, name
                print(f"{call['operationId']}: {len(examples)} answers read")


if __name__ == "__main__":
    if "API" in os.environ:
        ask(os.environ["API"], os.environ["TOKEN"], os.environ["FNR"])
    else:
        read_examples(Path(sys.argv[1]))
