"""The pages load nothing from other sites, and the browser is instructed so."""

import re

import pytest
from flask.testing import FlaskClient

_PAGES = ("/api/docs", "/graphql")


@pytest.mark.parametrize("path", _PAGES)
def test_a_page_may_load_from_us_alone(path: str, client: FlaskClient) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(r"https?:|//|<script>|\son\w+=|style=", answer.text)


@pytest.mark.parametrize("path", _PAGES)
def test_the_files_of_a_page_exist(path: str, client: FlaskClient) -> None:
    named = re.findall(r'(?:src|href)="(/[^"]+)"', client.get(path).text)
    assert len(named) >= 3
    for name in named:
        answer = client.get(name)
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/css" if name.endswith(".css") else "text/javascript")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert len(answer.data) > 40
