"""GraphQL requests with identity numbers in every place of a document."""

from collections.abc import Iterator
from typing import Any

from tests.acceptance.leaks.numbers import WORD, Numbers
from tests.acceptance.leaks.requests import Call

_PERSON = "query Q($p: String) { avtalerForPerson(personnummer: $p) { avtaleId } }"

_DOCUMENTS = (
    "{0}",
    "{WORD} {0}",
    '{{ avtalerForPerson(personnummer: "{0}" {{ avtaleId }} }}',
    '{{ avtalerForPerson(personnummer: "{0}) {{ avtaleId }} }}',
    "{{ avtalerForPerson(personnummer: {0}) {{ avtaleId }} }}",
    '{{ avtalerForPerson(personnummer: ["{0}"]) {{ avtaleId }} }}',
    '{{ avtalerForPerson(personnummer: {{_{0}: "{0}"}}) {{ avtaleId }} }}',
    "{{ avtalerForPerson(personnummer: _{0}) {{ avtaleId }} }}",
    "{{ avtalerForPerson(personnummer: $_{0}) {{ avtaleId }} }}",
    '{{ avtalerForPerson(personnummer: "{0}0") {{ avtaleId }} }}',
    '{{ avtalerForPerson(personnummer: """{WORD} {0}""") {{ avtaleId }} }}',
    "{{ avtalerForPerson(_{0}: 1) {{ avtaleId }} }}",
    '{{ avtalerForPerson(personnummer: "{0}", personnummer: "{0}") {{ avtaleId }} }}',
    '{{ avtalerForPerson(personnummer: "{0}") }}',
    '{{ avtalerForPerson(personnummer: "{0}") {{ _{0} }} }}',
    '{{ _{0}: avtalerForPerson(personnummer: "{0}0") {{ avtaleId }} }}',
    '{{ _{0}: avtalerForPerson(personnummer: "{0}") {{ avtaleId }} }}',
    "{{ avtale(avtaleNr: {0}) {{ avtaleId }} }}",
    '{{ avtale(avtaleNr: "{0}") {{ avtaleId }} }}',
    '{{ avtale(avtaleId: "{0}") {{ avtaleId }} }}',
    "{{ avtale(avtaleId: {0}) {{ avtaleId }} }}",
    "{{ avtale(avtaleNr: 1) {{ a{0} }} }}",
    "{{ avtale(avtaleNr: 1) {{ _{0}: avtaleId }} }}",
    "{{ avtale(avtaleNr: 1) {{ _{0}: avtaleId _{0}: avtaleNr }} }}",
    "{{ avtale(avtaleNr: 1) {{ avtaleId @_{0} }} }}",
    '{{ avtale(avtaleNr: 1) {{ avtaleId @skip(if: "{0}") }} }}',
    "{{ avtale(avtaleNr: 1) {{ ..._{0} }} }}",
    "{{ avtale(avtaleNr: 1) {{ ... on _{0} {{ avtaleId }} }} }}",
    '{{ avtale(avtaleNr: 1) {{ avtaleId(_{0}: "{0}") }} }}',
    "{{ avtalerForStatus(status: _{0}) {{ avtaleId }} }}",
    '{{ avtalerForStatus(status: "{0}") {{ avtaleId }} }}',
    "{{ avtalerForTiltakstype(tiltakstype: {0}) {{ avtaleId }} }}",
    '{{ avtalerForBedrift(organisasjonsnummer: "{0}") {{ avtaleId }} }}',
    '{{ avtalerForBedrift(organisasjonsnummer: "\\u0000{0}") {{ avtaleId }} }}',
    "{{ _{0} {{ avtaleId }} }}",
    "query _{0} {{ avtale {{ avtaleId }} }}",
    "query _{0} {{ avtale {{ avtaleId }} }} query _{0} {{ avtale {{ avtaleId }} }}",
    "query Q($_{0}: String) {{ avtale {{ avtaleId }} }}",
    "query Q($p: _{0}) {{ avtalerForPerson(personnummer: $p) {{ avtaleId }} }}",
    "query Q($p: String = {0}) {{ avtalerForPerson(personnummer: $p) {{ avtaleId }} }}",
    'query Q($p: Int = "{0}") {{ avtalerForPerson(personnummer: $p) {{ avtaleId }} }}',
    "fragment _{0} on Avtale {{ avtaleId }} {{ avtale {{ ..._{0} }} }}",
    "fragment _{0} on Avtale {{ ..._{0} }} {{ avtale {{ ..._{0} }} }}",
    "mutation {{ _{0} }}",
    "subscription _{0} {{ _{0} }}",
    "type _{0} {{ a: Int }}",
    '{{ __type(name: "{0}") {{ name }} }}',
    "{{ __typename }} # {WORD} {0}",
    "{{ avtale(avtaleNr: 1) {{ avtaleId }} }} {0}",
)  # fmt: skip


def call(person: str) -> Call:
    """Return the call that the OpenAPI document leaves to the schema."""
    good = {"query": _PERSON.replace("avtaleId", "avtaleId deltakerFnr"), "variables": {"p": person}}
    properties = ("query", "variables", "operationName")
    return Call("graphql", "POST", "/graphql", (), properties, {}, "", good)


def bodies(numbers: Numbers) -> Iterator[tuple[str, Any]]:
    """Generate a description and a body of each request."""
    for document in _DOCUMENTS:
        query = document.format(numbers.new(f"GraphQL: {document}"), WORD=WORD)
        yield document, {"query": query}
        yield f"{document}, twice", {"query": query, "operationName": "Q"}
    number = numbers.new("GraphQL: variables")
    for odd in (number, f"{number}0", int(number), float(f"{number}.5"), [number], {number: number}, True):
        yield "variables", {"query": _PERSON, "variables": {"p": odd, number: odd}}
        yield "variables", {"query": _PERSON.replace("String", "Int"), "variables": {"p": odd}}
        yield "variables", {"query": _PERSON.replace("String", "AvtaleStatus"), "variables": {"p": odd}}
        yield "variables", {"query": _PERSON, "variables": odd}
        yield "operationName", {"query": _PERSON, "operationName": odd}
        yield "query", {"query": odd}
        yield "no query", {number: odd}
        yield "another body", odd
