"""Every metric, one sentence each; the prefix `datadeling_` is added to each name.

Two classes for two processes: each metric belongs to one of them, so the two expositions can be concatenated.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LATENCY = (*_SECONDS, 60.0, 300.0, 3_600.0)
_EVENTS = (1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)


class ConsumerMetrics:
    """Metrics of `datadeling consume`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, namespace="datadeling", registry=registry)
        gauge = partial(Gauge, namespace="datadeling", registry=registry)
        histogram = partial(Histogram, namespace="datadeling", registry=registry)

        self.events = counter(
            "events", "Messages handled, by outcome; an unchanged one wrote nothing.", ["outcome"]
        )
        self.batch_seconds = histogram(
            "batch_seconds", "Seconds from a full batch to its commit.", buckets=_SECONDS
        )
        self.batch_events = histogram("batch_events", "Messages in a batch.", buckets=_EVENTS)
        self.latency = histogram(
            "latency_seconds",
            "Seconds from the record's timestamp to the commit, of the oldest message of a batch.",
            buckets=_LATENCY,
        )
        self.lag = gauge(
            "consumer_lag",
            "Messages on the partition that have not been handled; holes of a compacted log count.",
            ["partition"],
        )
        self.last_commit = gauge(
            "last_commit_timestamp_seconds", "When a batch was last committed, in seconds since 1970."
        )
        self.failed = gauge("failed_messages", "Parked messages, by state.", ["state"])
        self.oldest_failed = gauge(
            "oldest_new_failed_message_seconds",
            "Seconds since the oldest unhandled failed message was parked; 0 when there is none.",
        )
        self.slot_lag = gauge(
            "replication_slot_lag_bytes",
            "WAL that the reader of a replication slot has not confirmed yet.",
            ["slot"],
        )
        self.lookup_log_left = gauge(
            "lookup_log_left_seconds",
            "Seconds for which lookups can be recorded before a month of the log is missing.",
        )
        self.available = gauge(
            "service_available",
            "1 while the database or the broker answers the consumer, else 0.",
            ["service"],
        )
        self.skipped = counter("skipped_offsets", "Offsets that the topic had dropped before they were read.")
        self.stopped = gauge("stopped_partitions", "Partitions that have stopped and need an operator.")


class ApiMetrics:
    """Metrics of `datadeling serve`; its workers share prometheus-client's multiprocess directory.

    With a `registry` the metrics are this process's own: for tests.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry
        counter = partial(Counter, namespace="datadeling", registry=registry)
        gauge = partial(Gauge, namespace="datadeling", registry=registry)
        histogram = partial(Histogram, namespace="datadeling", registry=registry)

        self.lookups = counter(
            "lookups",
            "Lookups, by consumer, endpoint and outcome (the HTTP status).",
            ["consumer", "endpoint", "outcome"],
        )
        self.lookup_fields = counter(
            "lookup_fields", "Lookups of a field, by consumer.", ["consumer", "field"]
        )
        self.lookup_seconds = histogram(
            "lookup_seconds", "Seconds that a lookup took.", ["endpoint"], buckets=_SECONDS
        )
        self.pool = {
            state: gauge(f"db_pool_{state}", meaning, multiprocess_mode="livesum")
            for state, meaning in (
                ("size", "Connections to the database that lookups have, over all workers."),
                ("available", "Those of them that are not in use."),
                ("waiting", "Lookups that wait for one."),
            )
        }
        self._consumer_scraped = gauge(
            "consumer_scraped",
            "Whether the consumer's metrics are on this page.",
            multiprocess_mode="mostrecent",
        )

    def exposition(self, *, consumer_scraped: bool) -> bytes:
        """Return the metrics of all workers, and whether the consumer's are appended to them."""
        self._consumer_scraped.set(consumer_scraped)
        registry = self._registry or CollectorRegistry()
        if self._registry is None:
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
