"""Messages about many persons, with their numbers in the right fields and in every other place."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from datadeling.demo.generator import generate_events
from datadeling.pipeline.message import Message
from tests.acceptance.leaks.numbers import WORD, Numbers
from tests.hendelser import FNR, avtale_id, encoded, hendelse, melding, record
from tests.poison import FORMS

REFUSED = "refused by the database"
"""A `bedriftNr` that the database refuses, with an error text that contains the number of the person."""

GIVEN_UP = "given up by the consumer"
"""A `bedriftNr` that the database refuses with an error that stops the consumer."""

_GENERATED = 200
_PARTITIONS = 3
_FIRST = 1_000  # of the avtaler that no test looks up


def of_person(fnr: str) -> list[Message]:
    """Return the messages that lookups find: three avtaler of one person, the first with two versions."""
    return [
        melding(1, offset=0, deltakerFnr=fnr, avtaleStatus="MANGLER_GODKJENNING", versjon=1),
        melding(1, offset=1, deltakerFnr=fnr, sistEndret="2022-03-01T00:00:00Z", versjon=2),
        melding(2, offset=2, deltakerFnr=fnr, bedriftNr="999999998"),
        melding(3, offset=3, deltakerFnr=fnr, sluttDato=None),
    ]


def of_others(numbers: Numbers) -> list[Message]:
    """Return all other messages, shuffled. Each number in them is one of `numbers`."""
    messages = [*_generated(numbers), *_unreadable(numbers), *_odd(numbers), *_keys(numbers)]
    messages.append(of_refused(numbers, REFUSED))
    random.Random(6).shuffle(messages)
    return [message._replace(partition=sum(message.key or b"") % _PARTITIONS) for message in messages]


def of_refused(numbers: Numbers, bedrift_nr: str) -> Message:
    """Return a valid message that the database refuses."""
    return melding(_FIRST - 1, deltakerFnr=numbers.new(bedrift_nr), bedriftNr=bedrift_nr)


def _generated(numbers: Numbers) -> Iterator[Message]:
    for key, value in generate_events(_GENERATED, 6):
        assert value is not None
        fields: dict[str, Any] = json.loads(value)
        for name, number in fields.items():
            if name in {"deltakerFnr", "arbeidsgiverKontonummer"} and number is not None:
                numbers.add(number, f"{name} of a generated message")
        yield record(0, key, value)


def _unreadable(numbers: Numbers) -> Iterator[Message]:
    """Generate unreadable messages of every form."""
    for avtale, (name, form) in enumerate(FORMS.items(), _FIRST):
        key, value = form.record(avtale)
        yield record(0, key, value and value.replace(FNR.encode(), numbers.new(name).encode()))


def _odd(numbers: Numbers) -> Iterator[Message]:
    """Generate messages with a number in each field, and in fields that are not in the contract."""
    avtale = 2 * _FIRST
    for name in (*hendelse(), "godkjentAvDeltaker", "annullertTidspunkt", "opphav", "ukjent"):
        for form, written in _WAYS.items():
            avtale += 1
            value = written(numbers.new(f"{name} as {form}"))
            fields = hendelse(avtale, **{"deltakerFnr": None, name: value})
            yield record(0, avtale_id(avtale).encode(), encoded(fields))
    for form in ('"{}"', "{}", '{{"{}": 1}}', '["{}"]', '{{"avtaleId": "{}"', "{}\xff", "'{}'"):
        avtale += 1
        text = form.format(numbers.new(f"a message {form}"))
        yield record(0, avtale_id(avtale).encode(), text.encode("latin-1"))
    for escaped in ("\\u003{}", '"', "\\"):
        avtale += 1
        number = numbers.new(f"a number with {escaped}")
        whole = encoded(hendelse(avtale, deltakerFnr=None)).removesuffix(b"}")
        text = "".join(escaped.format(digit) for digit in number) if "{}" in escaped else number + escaped
        yield record(0, avtale_id(avtale).encode(), whole + f', "deltakerFnr": "{text}"}}'.encode())


_WAYS: dict[str, Callable[[str], Any]] = {
    "text": lambda number: number,
    "text among others": lambda number: f"{WORD} {number}'\";--",
    "number": int,
    "decimal": lambda number: float(f"1.{number}"),
    "object": lambda number: {f"{WORD} {number}": number},
    "list": lambda number: [number, [number]],
}


def _keys(numbers: Numbers) -> Iterator[Message]:
    """Generate messages with a number in the key, and tombstones."""
    for form in ("{}", "1{}", "{}-0000-4000-8000", f"{WORD} {{}}", "\xff{}", "'{}'"):
        for value in (None, b"{", encoded(hendelse(1, deltakerFnr=None))):
            key = form.format(numbers.new(f"a key {form}"))
            yield record(0, key.encode("latin-1"), value)
    yield record(0, avtale_id(_FIRST).encode(), None)
    yield record(0, avtale_id(2 * _FIRST + 1).encode(), None)
