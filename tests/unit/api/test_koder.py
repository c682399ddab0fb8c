"""Every `kode` that the program can answer with is described, and none that it cannot."""

import re
from importlib.resources import files
from pathlib import Path

from datadeling.api.koder import KODER
from datadeling.api.problems import KINDS

_SAID = re.compile(
    r"""(?:kode=|Kind\(|unavailable\(|forbidden\(\s*|UGYLDIGE_FELT\s=\s)"([A-Z]+(?:_[A-Z]+)*)" """.strip()
)
_OF_DEEDS = re.compile(r"""kode=f"([A-Z]+_)\{|named\(.*?,\s*"([A-Z_]+)"\)""")


def test_what_the_source_says_is_described() -> None:
    said: set[str] = set()
    stems: set[str] = set()
    endings: set[str] = set()
    for path in Path(str(files("datadeling.api"))).rglob("*.py"):
        source = path.read_text("utf-8")
        said |= set(_SAID.findall(source))
        for stem, ending in _OF_DEEDS.findall(source):
            stems |= {stem} - {""}
            endings |= {ending} - {""}
    said |= {stem + ending for stem in stems for ending in endings}
    assert len(said) > 20
    assert {kode for koder in KODER.values() for kode in koder} == said


def test_every_status_has_its_codes() -> None:
    assert KODER.keys() == KINDS.keys()
    for status, kind in KINDS.items():
        assert kind.kode in KODER[status]
