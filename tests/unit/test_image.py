"""The base of the image is the one that Dependabot keeps an eye on."""

import re
from pathlib import Path

import yaml

_TOP = Path(__file__).parents[2]
_WATCHED = "tools/image"


def test_the_base_is_the_one_that_is_watched() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (_TOP / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    text = (_TOP / _WATCHED / "Dockerfile").read_text("utf-8")
    (watched,) = re.findall(r"^FROM (\S+)$", text, re.MULTILINE)
    assert base == watched


def test_it_is_watched() -> None:
    updates = yaml.safe_load((_TOP / ".github/dependabot.yml").read_text("utf-8"))["updates"]
    assert [u["directory"] for u in updates if u["package-ecosystem"] == "docker"] == [f"/{_WATCHED}"]
