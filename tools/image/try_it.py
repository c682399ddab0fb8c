"""`python -m tools.image.try_it IMAGE`: run an image as the platform does, look up a person, stop it.

PostgreSQL, Kafka and the token issuer are those of the demo, outside the container, which shares the host's
network. Needs the command `docker`, a daemon and an image: see CONTRIBUTING.md.
"""

import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from zoneinfo import ZoneInfo

from confluent_kafka import Producer

from datadeling.demo.expected import expected_answer, interesting_person
from datadeling.demo.generator import generate_events, siste_tilstand
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import free_port
from datadeling.demo.services import CLIENT_ID, is_ready, post, running_services

_TOPIC = "avtaler"
_EVENTS = 1_000
_TIMEOUT_S = 60.0
_LIKE_THE_PLATFORM = ("--read-only", "--user", "1069:1069", "--tmpfs", "/tmp", "--cap-drop", "ALL")


def main(image: str) -> int:
    """Return 0 when the answer agrees with the events, and SIGTERM ends the container with 0 within 10 s."""
    today = datetime.now(ZoneInfo("Europe/Oslo")).date()
    records = list(generate_events(_EVENTS, 2026, today))
    person = interesting_person(siste_tilstand(records), today)
    with ExitStack() as stack:
        services = stack.enter_context(running_services())
        issuer = stack.enter_context(TokenIssuer())
        services.kafka.create_topic(_TOPIC, config={"cleanup.policy": "compact"})
        producer = Producer({"bootstrap.servers": services.kafka.bootstrap_servers})
        for record in records:
            producer.produce(_TOPIC, record.value, record.key)
        producer.flush(30)
        settings = services.settings(_TOPIC, issuer, free_port())
        api = f"http://127.0.0.1:{settings['PORT']}"
        container = _start(image, settings)
        stack.callback(_docker, "rm", "--force", container)
        _wait_until_ready(container, api, f"http://127.0.0.1:{settings['CONSUMER_PORT']}")
        answer, expected = None, expected_answer(person, today)
        deadline = time.monotonic() + _TIMEOUT_S
        while answer != expected and time.monotonic() < deadline:
            answer = post(f"{api}/api/v1/tiltaksstatus", {"fnr": person.fnr}, issuer.token(CLIENT_ID))
            time.sleep(0.2)
        began = time.monotonic()
        _docker("stop", "--time", "30", container)
        took = time.monotonic() - began
        code = int(_docker("inspect", "--format", "{{.State.ExitCode}}", container))
        print(f"answer as expected: {answer == expected}; SIGTERM: exit code {code} after {took:.1f} s")
        return 0 if answer == expected and code == 0 and took < 10 else 1


def _start(image: str, settings: dict[str, str]) -> str:
    env = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    return _docker("run", "--detach", "--network", "host", *_LIKE_THE_PLATFORM, *env, image)


def _wait_until_ready(container: str, *urls: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not all(is_ready(url) for url in urls):
        state = _docker("inspect", "--format", "{{.State.Status}}", container)
        if state != "running" or time.monotonic() > deadline:
            sys.exit(f"the container never became ready:\n{_docker('logs', container)}")
        time.sleep(0.2)


def _docker(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
