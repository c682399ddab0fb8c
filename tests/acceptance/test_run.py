"""`datadeling run`: both processes as one."""

import signal

import psutil
import pytest

from tests.acceptance.conftest import Run, Setting
from tests.acceptance.processes import Process, call
from tests.waiting import wait_until


@pytest.fixture
def both(run: Run, api: Setting, consumer: Setting) -> Process:
    process = run({**consumer.env, **api.env}, "run")
    process.answers(f"{api.url}/internal/health/readiness")
    process.answers(f"{consumer.url}/internal/health/readiness")
    return process


def child_of(process: Process, command: str) -> psutil.Process:
    """Return the process of a command."""
    children = psutil.Process(process.process.pid).children()
    (found,) = (child for child in children if child.cmdline()[-1] == command)
    return found


def tree(process: Process) -> list[psutil.Process]:
    return list(psutil.Process(process.process.pid).children(recursive=True))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both(both: Process, number: signal.Signals) -> None:
    wait_until(lambda: len(tree(both)) >= 4, "consumer, API and its two workers run")
    started = tree(both)
    both.process.send_signal(number)
    assert both.process.wait(30) == 0, both.output
    assert not any(child.is_running() for child in started)
    assert "Traceback" not in both.output


@pytest.mark.parametrize("command", ["consume", "serve"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_one_ends_the_other(both: Process, command: str, number: signal.Signals) -> None:
    started = tree(both)
    child_of(both, command).send_signal(number)
    assert both.process.wait(30) == 1
    wait_until(lambda: not any(child.is_running() for child in started), "everything has ended")
    assert f'"process": "{command}"' in both.output


def test_one_page_has_the_metrics_of_both(both: Process, api: Setting) -> None:
    assert both.process.poll() is None
    page = call(f"{api.url}/internal/prometheus").body
    assert "datadeling_consumer_scraped 1.0" in page
    assert "datadeling_service_available" in page


def test_a_missing_variable_is_named_once(run: Run, consumer: Setting) -> None:
    process = run(consumer.env, "run")
    assert process.process.wait(30) == 2
    assert process.output.count("AZURE_APP_CLIENT_ID is not set") == 1
