"""Unreadable messages of every form among valid ones."""

import random

import psycopg

from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Produce
from tests.acceptance.processes import wait_until_handled
from tests.hendelser import FNR, avtale_id, melding, record
from tests.poison import FORMS

_GOOD = 300


def test_valid_messages_are_stored_and_unreadable_ones_parked_byte_for_byte(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> None:
    good = [melding(number, partition=number % 3) for number in range(_GOOD)]
    bad = [
        record(0, *form.record(_GOOD + number), partition=number % 3)
        for number, form in enumerate(FORMS.values())
    ]
    messages = [*good, *bad]
    random.Random(14).shuffle(messages)
    produce(messages)
    process = run(consumer.env, "consume")
    wait_until_handled(connection, len(messages))
    stored = connection.execute("SELECT avtale_id::text FROM avtale").fetchall()
    assert {avtale for (avtale,) in stored} == {avtale_id(number) for number in range(_GOOD)}
    kept = connection.execute("SELECT kafka_partition, key, value FROM failed_message").fetchall()
    assert sorted(map(repr, kept)) == sorted(repr((m.partition, m.key, m.value)) for m in bad)
    reasons = connection.execute("SELECT reason, message FROM failed_message").fetchall()
    assert all(reason and text for reason, text in reasons)
    assert FNR not in repr(reasons)
    process.terminate()
    assert FNR not in process.output
