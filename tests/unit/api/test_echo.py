"""Nothing of what was sent comes back: from no part of a request, to no address, by no method."""

from typing import Any

from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.api.conftest import FakeLookups

_secret = st.text("QZqz0123456789", min_size=6, max_size=40)
_sent_as = st.sampled_from(["%", "B%", "Bearer %", "/%", "%/%", '"%"', "application/json; %", "é%"])
_HEADERS = (
    "Accept", "Accept-Language", "Authorization", "Behandlingsnummer", "Content-Encoding", "Content-Type",
    "Cookie", "Expect", "Host", "If-None-Match", "Origin", "Range", "Referer", "X-Forwarded-Host",
    "X-HTTP-Method-Override",
)  # fmt: skip


def _paths(client: FlaskClient, secret: str) -> list[str]:
    """Every address that there is, with the secret where it may stand, and some that are none."""
    paths = [f"/{secret}", f"//{secret}", f"/api/{secret}/", f"/api/v1/{secret}", f"/%2e%2e/{secret}%00"]
    for rule in client.application.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<{name}>", secret)
        paths += [path, f"{path}/", f"{path}/{secret}"]
    return paths


def test_no_answer_repeats_any_part_of_a_request(
    client: FlaskClient, token: dict[str, str], lookups: FakeLookups
) -> None:
    lookups.answer = None  # 404 where there may be none, 200 elsewhere
    count = len(_paths(client, "x"))

    @settings(max_examples=300)
    @given(
        _secret,
        st.integers(0, count - 1),
        st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]),
        st.dictionaries(st.sampled_from(_HEADERS), _sent_as, max_size=3),
        st.sampled_from(["", "felter=%", "%", "avtaleNr=%", "avtaleNr=1&%=%", "felter=avtaleId&felter=%"]),
        st.sampled_from(
            [None, "%", '"%"', '{"fnr": "%"}', '{"%": 1}', '{"felter": ["%"]}', '{"x": {"%": "%"}}']
        ),
        st.booleans(),
    )
    def check(
        secret: str, at: int, method: str, given: dict[str, str], query: str, body: str | None, known: bool
    ) -> None:
        def filled(template: str) -> str:
            return template.replace("%", secret)

        headers = {"Content-Type": "application/json", **(token if known else {})}
        headers |= {name: filled(template) for name, template in given.items()}
        response: Any = client.open(
            _paths(client, secret)[at],
            method=method,
            query_string=filled(query),
            headers=headers,
            data=None if body is None else filled(body),
        )
        answer = f"{response.text}\n{response.headers}"
        assert secret not in answer
        assert "Traceback" not in answer
        assert response.status_code < 500

    check()
