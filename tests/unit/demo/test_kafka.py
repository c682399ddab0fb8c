from pathlib import Path

import pytest

from datadeling.demo.kafka import check, pinned, properties
from datadeling.demo.process import ServiceFailed


def test_jars_that_differ_are_missing_or_surplus_are_named(tmp_path: Path) -> None:
    surplus, differs = tmp_path / "a.jar", tmp_path / "kafka_2.13-4.1.1.jar"
    for jar in (surplus, differs):
        jar.write_bytes(b"something else")
    with pytest.raises(
        ServiceFailed, match=r"kafka-jars\.sha256.*: HdrH.*a\.jar.*kafka_2\.13-4\.1\.1\.jar"
    ) as refused:
        check([surplus, differs])
    assert all(name in str(refused.value) for name in pinned())


def test_the_list_is_in_order_and_names_the_broker() -> None:
    names = list(pinned())
    assert names == sorted(names)
    assert "kafka_2.13-4.1.1.jar" in names
    assert all(len(digest) == 64 for digest in pinned().values())


def test_java_reads_properties_as_latin_1_so_other_letters_are_escaped() -> None:
    assert (
        properties({"log.dirs": "/home/bjørn", "node.id": "1"}) == "log.dirs=/home/bj\\u00f8rn\nnode.id=1\n"
    )
