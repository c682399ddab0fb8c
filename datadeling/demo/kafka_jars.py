"""The jars of Apache Kafka: fetched once from Maven Central by jgo, and checked against our list.

jgo keeps them in the local Maven repository (`~/.m2/repository`, or `M2_REPO`). Only its resolver is used:
`jgo.build` also fetches a whole JDK 11 to sort jars into modules, and trusts the remains of an interrupted
build.
"""

import fcntl
import hashlib
import logging
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jgo
from jgo.config import GlobalSettings

from datadeling.errors import DatadelingError

if TYPE_CHECKING:
    from jgo.maven import Artifact

# slf4j-simple writes Kafka's warnings and errors to stderr; with slf4j-nop a broker that cannot start logs
# nothing.
ENDPOINT = "org.apache.kafka:kafka_2.13:4.1.1+org.slf4j:slf4j-simple:1.7.36"
_LIST = "kafka-jars.sha256"

logger = logging.getLogger(__name__)


class KafkaJarsRefused(DatadelingError):
    """The jars of Kafka are not the pinned ones, or cannot be fetched. Nothing has been started."""


def kafka_jars() -> list[Path]:
    """The jars, checked, in the order of the class path. Blocks: some 15 s the first time, 0.3 s after that.

    Several processes may call it at once: one fetches, the others wait. Raises `KafkaJarsRefused` when a jar
    differs from the list, is missing or surplus, or cannot be fetched.
    """
    repository = GlobalSettings.load().repo_cache
    with _locked(repository):
        try:
            jars = [_fetch(artifact) for artifact in jgo.resolve(ENDPOINT)]
        except Exception as e:
            raise KafkaJarsRefused(
                f"cannot get the jars of Kafka from Maven Central into {repository}: {e}"
            ) from e
    check(jars, pinned())
    return jars


def pinned() -> dict[str, str]:
    """Return the list that is checked in: SHA-256 by name of jar."""
    text = files(__package__).joinpath(_LIST).read_text(encoding="ascii")
    pairs = (line.split(maxsplit=1) for line in text.splitlines())
    return {name.lstrip("*"): digest for digest, name in pairs}


def check(jars: Iterable[Path], expected: Mapping[str, str]) -> None:
    """Raise `KafkaJarsRefused`, naming each jar at fault, unless the jars are those expected, to the byte."""
    found = {jar.name: jar for jar in jars}
    faults = [f"missing: {name}" for name in sorted(expected.keys() - found.keys())]
    faults += [f"surplus: {found[name]}" for name in sorted(found.keys() - expected.keys())]
    faults += [
        f"differs: {found[name]} (remove it to have it fetched again)"
        for name in sorted(found.keys() & expected.keys())
        if _sha256(found[name]) != expected[name]
    ]
    if faults:
        raise KafkaJarsRefused(f"jars of Kafka against {_LIST}: " + "; ".join(faults))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(artifact: "Artifact") -> Path:
    cached = artifact.cached_path
    if cached is None or not cached.exists():
        logger.info("fetching %s, once", artifact.filename)
    elif not zipfile.is_zipfile(cached):
        # jgo writes straight to the final name. A zip ends with its directory, so a download that was cut
        # off is no zip file.
        cached.unlink()
    return artifact.resolve()


@contextmanager
def _locked(repository: Path) -> Iterator[None]:
    """Lock the repository against other processes of ours; jgo has no lock."""
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".datadeling.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
