"""Which edition of the reading code this is: two of one name make the same of every message. Pure.

A replay need not read a message that this edition has read before. A number that somebody raises by hand
would be forgotten one day, and then a release that reads a field better would mend nothing, and say so to
nobody. So the name is made of the code itself: to change as little as a comment there costs one replay that
reads all.
"""

import hashlib
import platform
from importlib.metadata import version
from importlib.resources import files

from datadeling.pipeline.timestamps import oslo_time

_READS = {
    "datadeling.domain": ("avtale.py", "hendelse.py"),
    "datadeling.pipeline": ("decode.py", "fold.py", "message.py", "timestamps.py", "transform.py"),
}
_YEARS = range(1970, 2040)


def _edition() -> str:
    digest = hashlib.sha256()
    for package, names in _READS.items():
        for name in names:
            digest.update(files(package).joinpath(name).read_bytes())
    digest.update(f"{platform.python_version()} {version('msgspec')}".encode())
    for year in _YEARS:  # the rules of summer time are not ours, and change
        for month in range(1, 13):
            digest.update(str(oslo_time("", f"{year}-{month:02}-15T12:00")).encode())
    return digest.hexdigest()[:16]


EDITION = _edition()
"""The name of this edition, 16 characters."""
