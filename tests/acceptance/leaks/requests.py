"""Valid and invalid requests of every call, with identity numbers in every place.

The calls are those of the OpenAPI document, so that a new one is included.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.acceptance.leaks.numbers import WORD, Numbers
from tests.acceptance.leaks.wire import Request
from tools.openapi import described

Token = Callable[..., str]
_JSON = "application/json"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE")


class Call(NamedTuple):
    """A call of the document, with the path, query and body of a valid request."""

    name: str
    method: str
    rule: str
    parameters: tuple[str, ...]
    properties: tuple[str, ...]
    path: Mapping[str, str]
    query: str
    body: Any

    @property
    def is_lookup(self) -> bool:
        """True when answers may contain the number of a person."""
        return "/admin/" not in self.rule


Good = Mapping[str, tuple[Mapping[str, str], str, Any]]
"""By operationId: values of the path, the query string, and the body."""


def calls(good: Good) -> list[Call]:
    """Return the calls of the document with their valid requests, which must be complete."""
    spec = json.loads(described())
    found = []
    for rule, operations in spec["paths"].items():
        for method, call in operations.items():
            if method == "parameters":
                continue
            name = call["operationId"]
            body = call.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema", {})
            schema = spec["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], {})
            names = tuple(each["name"] for each in call.get("parameters", ()) if each.get("in") == "query")
            properties = tuple(schema.get("properties", ()))
            found.append(Call(name, method.upper(), rule, names, properties, *good[name]))
    assert {call.name for call in found} == set(good)
    return found


class RequestBuilder:
    """Builds requests. `token` returns a token with every right, with the claims passed to it."""

    def __init__(self, numbers: Numbers, token: Token) -> None:
        self._new = numbers.new
        self._token = token
        self._headers = {
            "Authorization": f"Bearer {token()}",
            "Behandlingsnummer": "B123",
            "Content-Type": _JSON,
        }

    def well(self, call: Call, **headers: str) -> Request:
        """Build a valid request."""
        return self._build(call, "well", headers=headers)

    def wrongly(self, call: Call) -> Iterator[Request]:
        """Build invalid requests."""
        yield from self._headers_of(call)
        yield from self._addresses(call)
        yield from self._methods(call)
        if call.body is not None:
            yield from self._bodies(call)

    def json(self, what: str, path: str, body: object, **headers: str) -> Request:
        """Build a request with a JSON body."""
        sent = {**self._headers, **headers}
        return Request(what, "POST", path, sent, json.dumps(body, ensure_ascii=False).encode())

    def _build(self, call: Call, what: str, **changed: Any) -> Request:
        path = call.rule.format_map(changed.get("path", call.path))
        query = changed.get("query", call.query)
        body = changed.get("body", call.body)
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        address = changed.get("address", f"{path}?{query}" if query else path)
        headers = {**self._headers, **changed.get("headers", {})}
        sent = {name: value for name, value in headers.items() if value}
        return Request(f"{call.name}: {what}", changed.get("method", call.method), address, sent, raw)

    def _headers_of(self, call: Call) -> Iterator[Request]:
        def request(name: str, form: str) -> Request:
            what = f"{name}: {form}"
            value = form.format(self._new(f"{call.name}: {what}"))
            return self._build(call, what, headers={name: value})

        for form in ("{}", "call-{}", "{0}:{0}", "_{}.x", f"{WORD} {{}}", "æ{}"):
            yield request("Nav-Call-Id", form)
        for name in ("Nav-CallId", "X-Correlation-Id"):
            yield request(name, "{}")
        for form in ("{}", "B123,{}", "B{}", f"{WORD} {{}}", "B123, B{}"):
            yield request("Behandlingsnummer", form)
        for form in ("", "{}", "Bearer {}", "Bearer {0}.{0}.{0}", "Basic {}", f"Bearer {WORD} {{}}"):
            yield request("Authorization", form)
        for name in (WORD, "Cookie", "User-Agent", "Accept", "Origin", "Referer", "Host", "X-Forwarded-Host"):
            yield request(name, f"{WORD}{{}}")
        for form in ("{}", "text/{}", f"{_JSON}; charset={{}}", f"{_JSON}; {{0}}={{0}}", "æ{}"):
            yield request("Content-Type", form)
        for name in ("Content-Encoding", "If-None-Match", "Range", "X-HTTP-Method-Override", "SCRIPT_NAME"):
            yield request(name, "{}")
        number = self._new(f"{call.name}: the name of a header")
        yield self._build(call, "the name of a header", headers={f"X-{number}": number})
        for what, token in self._tokens(call):
            yield self._build(call, what, headers={"Authorization": f"Bearer {token}"})

    def _tokens(self, call: Call) -> Iterator[tuple[str, str]]:
        """Build tokens that are refused, with numbers in their claims."""
        number = self._new(f"{call.name}: an expired token")
        yield "expired", self._token(lifetime_s=-3_600, NAVident=number, azp_name=number)
        number = self._new(f"{call.name}: a token for others")
        yield "for others", self._token(number, sub=number)
        number = self._new(f"{call.name}: a forged token")
        parts = ({"alg": "RS256", "kid": number}, {"azp": number}, {"alg": "none"})
        yield (
            "forged",
            ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in parts),
        )
        yield "without rights", self._token(roles=(), groups=())
        yield "of a user", self._token(idtyp=None, scp="defaultaccess", NAVident="Z999999", groups=())
        yield "of a narrow client", self._token(azp="narrow", groups=())

    def _addresses(self, call: Call) -> Iterator[Request]:
        path = call.rule.format_map(call.path)
        forms = [
            f"{path}?{{0}}={{0}}", f"{path}?fnr={{}}&{WORD}", f"{path}/{{}}", f"/{{}}{path}", f"/{path}?{{}}",
            f"{path}/?{{}}", f"{path};{{}}", f"{path}%20{{}}", f"{path}?%zz{{}}", f"{path}?a={{0}}&a={{0}}",
            f"{path}/%2e%2e/{{}}", f"{path}//{WORD}/{{}}", f"http://{WORD}/{{}}{path}", f"{path}?%ff={{}}",
        ]  # fmt: skip
        for name in call.parameters:
            rest = "".join(f"&{part}" for part in call.query.split("&") if not part.startswith(f"{name}="))
            text = quote(f"{_word_for(name)} '\";--")
            odd = ("{}", "avtaleId,{}", "-{}", "{0}&" + name + "={0}", text + "{}", "{}0")
            forms += [f"{path}?{name}={value}{rest}" for value in odd]
        for name in call.path:
            values = ("{}", "0:0:{}", "{}:0:0", "1{}", "-{}", f"{WORD}{{}}", "%27{}--", "%00{}", "{}-0000")
            forms += [call.rule.format_map({**call.path, name: value}) for value in values]
        for form in forms:
            address = form.format(self._new(f"{call.name}: {form}"))
            yield self._build(call, form, address=address)

    def _methods(self, call: Call) -> Iterator[Request]:
        for method in _METHODS:
            if method != call.method and not (call.name == "sokAvtaler" and method == "GET"):
                number = self._new(f"{call.name}: {method}")
                query = f"{call.query}&{number}"
                yield self._build(call, method, method=method, query=query, body=json.dumps(number).encode())

    def _bodies(self, call: Call) -> Iterator[Request]:
        def number(what: str) -> str:
            return self._new(f"{call.name}: {what}")

        for name in call.properties:
            for odd in _odd_values(number(name), _word_for(name)):
                yield self._build(call, name, body={**call.body, name: odd})
        for odd in (
            {number("a name"): 1},
            {f"{WORD} {number('a name')}": {}},
            {"felter": [number("felter")]},
        ):
            yield self._build(call, "an unknown property", body={**call.body, **odd})
        for odd in _odd_values(number("a body")):
            yield self._build(call, "another body", body=odd)
        for form in (
            '{{"fnr": "{}"',
            '{{"fnr": "{0}", "fnr": "{0}"}}',
            "{}\xff",
            "[" * 50_000 + "{}",
            "'{}'",
        ):
            yield self._build(call, "no JSON", body=form.format(number("no JSON")).encode("latin-1"))
        for size in (70_000, 600_000):
            long = json.dumps({"fnr": number("a long body"), WORD: "x" * size}).encode()
            yield self._build(call, "a long body", body=long)


def _word_for(name: str) -> str:
    """Return a word for a field: reasons of administrators are stored and shown, numbers excepted."""
    return "because" if name in {"begrunnelse", "consumer"} else WORD


def _odd_values(number: str, word: str = WORD) -> list[Any]:
    text = f"{word} {number}'\";--"
    return [
        number, int(number), -int(number), float(f"0.{number}"), text, f"{number}0",
        {number: number}, {"0": number},
        {"fom": number, "tom": text, number: 1}, {"fom": "2022-01-01", "tom": number},
        [number], [[text]],
        [{"fnr": f"{number}0"}, {number: 1}, number, int(number), None, {"identer": [number, 1]}],
    ]  # fmt: skip
