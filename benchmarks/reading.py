"""`python -m benchmarks.reading BROKERS TOPIC EVENTS`: reads a topic and parses it, and does nothing with it.

The limit of whoever consumes in Python. A process of its own; prints events a second, from
the first to the last.
"""

import secrets
import sys
import time

import click
import msgspec
from confluent_kafka import Consumer, TopicPartition

from datadeling.domain.hendelse import Hendelse

_AT_ONCE = 1_000
_SILENCE = 30.0  # seconds


def read(brokers: str, topic: str, count: int) -> float:
    """Events a second. Raise `TimeoutError` when there are fewer."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"reading-{secrets.token_hex(4)}",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 100,
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    parse = msgspec.json.Decoder(Hendelse).decode
    read, first, begun = 0, 0, 0.0
    while read < count:
        messages = consumer.consume(_AT_ONCE, _SILENCE if read == 0 else 0.1)
        if read == 0:
            if not messages:
                raise TimeoutError("nothing to read")
            first, begun = len(messages), time.perf_counter()
        for message in messages:
            parse(message.value() or b"")
        read += len(messages)
    rate = (read - first) / (time.perf_counter() - begun)
    consumer.close()
    return rate


@click.command()
@click.argument("brokers")
@click.argument("topic")
@click.argument("count", type=int)
def main(brokers: str, topic: str, count: int) -> None:
    """Read so many events of a topic."""
    click.echo(read(brokers, topic, count))


if __name__ == "__main__":
    sys.exit(main())
