"""What needs processes: the metrics that workers share, and the directory they share them in."""

import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

_WORKERS = """
import os, sys
from datadeling.api.metrics_directory import metrics_directory

with metrics_directory():
    from datadeling.metrics import ApiMetrics

    directory = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    for number in (1, 2):
        if (child := os.fork()) == 0:
            metrics = ApiMetrics()
            metrics.lookups.labels("a", "/x", "200").inc(number)
            metrics.lookup_seconds.labels("/x").observe(0.02)
            sys.exit(0)  # a worker ends by leaving the block, too
        os.waitpid(child, 0)
        assert os.path.isdir(directory)
    sys.stdout.write(ApiMetrics().exposition(consumer_scraped=False).decode())
assert not os.path.exists(directory)
"""


def test_the_page_sums_the_metrics_of_all_workers() -> None:
    done = subprocess.run([sys.executable, "-c", _WORKERS], capture_output=True, text=True, check=True)
    families = {family.name: family for family in text_string_to_metric_families(done.stdout)}
    assert set(families) == {
        "datadeling_lookups",
        "datadeling_lookup_seconds",
        "datadeling_consumer_scraped",
        *(f"datadeling_db_pool_{state}" for state in ("size", "available", "waiting")),
    }
    assert families["datadeling_lookups"].samples[0].value == 3
    counts = [s.value for s in families["datadeling_lookup_seconds"].samples if s.name.endswith("_count")]
    assert counts == [2]
    assert families["datadeling_lookups"].documentation.startswith("Lookups, by consumer")


_LOADED = """
import sys
import datadeling.api.app, datadeling.api.server
print(*sorted({"confluent_kafka", "yoyo", "click", "rich"} & sys.modules.keys()))
print(*sorted(name for name in sys.modules if name.startswith("datadeling.")))
"""


def test_the_api_does_not_load_kafkas_client() -> None:
    """Administrators' calls reuse what the consumer stands on. The client's memory is not to come along."""
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    loaded, ours = done.stdout.splitlines()
    assert "confluent_kafka" not in loaded
    assert "datadeling.pipeline.retry" in ours  # so this has looked where it should
    assert "datadeling.consumer.topic" not in ours
