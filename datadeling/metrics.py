"""Every metric, one sentence each.

Two classes for two processes: each metric belongs to one of them, so the two expositions can be concatenated.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LATENCY = (*_SECONDS, 60.0, 300.0, 3_600.0)
_EVENTS = (1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)


class ConsumerMetrics:
    """Metrics of `datadeling consume`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "datadeling_events",
            "Messages handled, by outcome; an unchanged one wrote nothing.",
            ["outcome"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "datadeling_batch_seconds",
            "Seconds from a full batch to its commit.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_events = Histogram(
            "datadeling_batch_events", "Messages in a batch.", buckets=_EVENTS, registry=registry
        )
        self.latency = Histogram(
            "datadeling_latency_seconds",
            "Seconds from the record's timestamp to the commit, of the oldest message of a batch.",
            buckets=_LATENCY,
            registry=registry,
        )
        self.lag = Gauge(
            "datadeling_consumer_lag",
            "Messages on the partition that have not been handled; holes of a compacted log count.",
            ["partition"],
            registry=registry,
        )
        self.last_commit = Gauge(
            "datadeling_last_commit_timestamp_seconds",
            "When a batch was last committed, in seconds since 1970.",
            registry=registry,
        )
        self.failed = Gauge(
            "datadeling_failed_messages", "Parked messages, by state.", ["state"], registry=registry
        )
        self.oldest_failed = Gauge(
            "datadeling_oldest_new_failed_message_seconds",
            "Seconds since the oldest unhandled failed message was parked; 0 when there is none.",
            registry=registry,
        )
        self.slot_lag = Gauge(
            "datadeling_replication_slot_lag_bytes",
            "WAL that the reader of a replication slot has not confirmed yet.",
            ["slot"],
            registry=registry,
        )
        self.lookup_log_left = Gauge(
            "datadeling_lookup_log_left_seconds",
            "Seconds for which lookups can be recorded before a month of the log is missing.",
            registry=registry,
        )
        self.available = Gauge(
            "datadeling_service_available",
            "1 while the database or the broker answers the consumer, else 0.",
            ["service"],
            registry=registry,
        )
        self.skipped = Counter(
            "datadeling_skipped_offsets",
            "Offsets that the topic had dropped before they were read.",
            registry=registry,
        )
        self.stopped = Gauge(
            "datadeling_stopped_partitions",
            "Partitions that have stopped and need an operator.",
            registry=registry,
        )


class ApiMetrics:
    """Metrics of `datadeling serve`; its workers share prometheus-client's multiprocess directory.

    With a `registry` the metrics are this process's own: for tests.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry
        self.lookups = Counter(
            "datadeling_lookups",
            "Lookups, by consumer, endpoint and outcome (the HTTP status).",
            ["consumer", "endpoint", "outcome"],
            registry=registry,
        )
        self.pool = {
            state: Gauge(
                f"datadeling_db_pool_{state}",
                meaning,
                registry=registry,
                multiprocess_mode="livesum",
            )
            for state, meaning in (
                ("size", "Connections to the database that lookups have, over all workers."),
                ("available", "Those of them that are not in use."),
                ("waiting", "Lookups that wait for one."),
            )
        }
        self.lookup_fields = Counter(
            "datadeling_lookup_fields",
            "Lookups of a field, by consumer.",
            ["consumer", "field"],
            registry=registry,
        )
        self.lookup_seconds = Histogram(
            "datadeling_lookup_seconds",
            "Seconds that a lookup took.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=registry,
        )

    def exposition(self, *, consumer_scraped: bool) -> bytes:
        """Return the metrics of all workers, and whether the consumer's are appended to them."""
        scraped = CollectorRegistry()
        scraped.register(_ConsumerScraped(seen=consumer_scraped))
        return generate_latest(self._registry or _of_all_workers()) + generate_latest(scraped)


class _ConsumerScraped(Collector):
    def __init__(self, *, seen: bool) -> None:
        self._seen = seen

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "datadeling_consumer_scraped",
            "Whether the consumer's metrics are on this page.",
            value=float(self._seen),
        )


def _of_all_workers() -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
