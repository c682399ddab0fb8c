"""The image: its base is watched by Dependabot, and the demo stays out of it."""

import re
from pathlib import Path

import yaml

_TOP = Path(__file__).parents[2]
_WATCHED = "tools/image"


def test_the_base_is_the_one_that_dependabot_watches() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (_TOP / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    text = (_TOP / _WATCHED / "Dockerfile").read_text("utf-8")
    (watched,) = re.findall(r"^FROM (\S+)$", text, re.MULTILINE)
    assert base == watched


def test_dependabot_watches_the_base() -> None:
    updates = yaml.safe_load((_TOP / ".github/dependabot.yml").read_text("utf-8"))["updates"]
    assert [u["directory"] for u in updates if u["package-ecosystem"] == "docker"] == [f"/{_WATCHED}"]


def test_the_demo_is_not_sent_to_the_build() -> None:
    lines = (_TOP / ".dockerignore").read_text("utf-8").splitlines()
    assert lines.index("!datadeling") < lines.index("datadeling/demo")  # the last line that matches decides
    assert not any(line.startswith("!datadeling/demo") for line in lines)
