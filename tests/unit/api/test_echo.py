"""No response repeats any part of a request, for any address and method."""

from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import FakeLookups

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
_HEADERS = (
    "Accept", "Accept-Language", "Authorization", "Behandlingsnummer", "Content-Encoding", "Content-Type",
    "Cookie", "Expect", "Host", "If-None-Match", "Origin", "Range", "Referer", "X-Forwarded-Host",
    "X-HTTP-Method-Override",
)  # fmt: skip
_QUERIES = ("", "felter=%", "%", "avtaleNr=%", "avtaleNr=1&%=%", "felter=avtaleId&felter=%", "limit=%")
_BODIES = (None, "%", '"%"', '{"fnr": "%"}', '{"%": 1}', '{"felter": ["%"]}', '{"x": {"%": "%"}}')

_sent_as = st.sampled_from(["%", "B%", "Bearer %", "/%", "%/%", '"%"', "application/json; %", "é%"])
# None can stand in a page of ours by chance.
_secrets = st.text("QZqz0123456789", min_size=6, max_size=40).map("Qqzz{}ZZ".format)


class Sent(NamedTuple):
    """A request; % stands for the text that must not be repeated."""

    method: str
    path: str
    headers: dict[str, str]
    query: str
    body: str | None


@st.composite
def _requests(draw: st.DrawFn, addresses: list[tuple[str, str]]) -> Sent:
    """Generate requests, most of them with one fault."""
    odd = draw(st.sampled_from(["method", "headers", "query", "body", "all"]))
    fitting = [each for each in addresses if odd != "body" or each[0] == "POST"]
    method, path = draw(st.sampled_from(fitting))
    sent = Sent(method, path, {}, "", None)
    if odd in {"method", "all"}:
        sent = sent._replace(method=draw(st.sampled_from(_METHODS)))
    if odd in {"headers", "all"}:
        headers = st.dictionaries(st.sampled_from(_HEADERS), _sent_as, min_size=1, max_size=2)
        sent = sent._replace(headers=draw(headers))
    if odd in {"query", "all"}:
        sent = sent._replace(query=draw(st.sampled_from(_QUERIES)))
    if odd in {"body", "all"}:
        sent = sent._replace(body=draw(st.sampled_from(_BODIES)))
    return sent


def _addresses(client: FlaskClient) -> list[tuple[str, str]]:
    """By method: all that there are, with % where something may stand, and some that are none."""
    found = [("GET", path) for path in ("/%", "//%", "/api/%/", "/api/v1/%", "/../%", "/%\0")]
    for rule in client.application.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<{name}>", "%")
        method = "POST" if "POST" in (rule.methods or ()) else "GET"
        found += [(method, path), ("GET", f"{path}/"), ("GET", f"{path}/%")]
    return found


@pytest.mark.parametrize("known", [True, False], ids=["with a token", "without"])
def test_no_answer_repeats_any_part_of_a_request(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups, known: bool
) -> None:
    lookups.answer = None  # 404 where there may be none, 200 elsewhere
    addresses = _addresses(client)

    @settings(max_examples=400, suppress_health_check=list(HealthCheck))
    @given(_secrets, _requests(addresses))
    def check(secret: str, sent: Sent) -> None:
        headers = {"Content-Type": "application/json", **(token if known else {})}
        headers |= {name: form.replace("%", secret) for name, form in sent.headers.items()}
        response: Any = client.open(
            sent.path.replace("%", secret),
            method=sent.method,
            query_string=sent.query.replace("%", secret),
            headers=headers,
            data=None if sent.body is None else sent.body.replace("%", secret),
        )
        answer = f"{response.text}\n{response.headers}"
        assert secret not in answer
        assert "Traceback" not in answer
        assert response.status_code < 500

    check()
