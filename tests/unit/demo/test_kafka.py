from datadeling.demo.kafka import properties


def test_java_reads_properties_as_latin_1_so_other_letters_are_escaped() -> None:
    assert (
        properties({"log.dirs": "/home/bjørn", "node.id": "1"}) == "log.dirs=/home/bj\\u00f8rn\nnode.id=1\n"
    )
