import hashlib
from pathlib import Path

import pytest

from datadeling.demo.kafka import properties
from datadeling.demo.kafka_jars import KafkaJarsRefused, check, pinned


@pytest.fixture
def jars(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.jar", tmp_path / "b.jar"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


@pytest.fixture
def expected(jars: list[Path]) -> dict[str, str]:
    return {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}


def test_the_pinned_jars_are_accepted(jars: list[Path], expected: dict[str, str]) -> None:
    check(jars, expected)
    check(reversed(jars), expected)


def test_a_jar_that_differs_is_named(jars: list[Path], expected: dict[str, str]) -> None:
    jars[1].write_bytes(b"something else")
    with pytest.raises(KafkaJarsRefused, match=r"differs: \S*/b\.jar") as refused:
        check(jars, expected)
    assert "a.jar" not in str(refused.value)


def test_a_jar_that_is_missing_is_named(jars: list[Path], expected: dict[str, str]) -> None:
    with pytest.raises(KafkaJarsRefused, match=r"missing: b\.jar$"):
        check(jars[:1], expected)


def test_a_jar_that_is_surplus_is_named(jars: list[Path], expected: dict[str, str]) -> None:
    del expected["a.jar"]
    with pytest.raises(KafkaJarsRefused, match=r"surplus: \S*/a\.jar$"):
        check(jars, expected)


def test_the_list_is_in_order_and_names_the_broker() -> None:
    names = list(pinned())
    assert names == sorted(names)
    assert "kafka_2.13-4.1.1.jar" in names
    assert all(len(digest) == 64 for digest in pinned().values())


def test_java_reads_properties_as_latin_1_so_other_letters_are_escaped() -> None:
    assert (
        properties({"log.dirs": "/home/bjørn", "node.id": "1"}) == "log.dirs=/home/bj\\u00f8rn\nnode.id=1\n"
    )
