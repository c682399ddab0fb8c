"""A pytest plugin: a run fails unless every collected test was run.

pytest-xdist keeps its work by node id. Tests that share one id are run once, and the run would be green.
"""

from typing import Any

import pytest


class CollectedIsRun:
    """Counts collected and run tests, in the process that reports them."""

    def __init__(self) -> None:
        self._collected = 0
        self._run = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests of a run in one process; the process that distributes a run has none of its own."""
        self._collected = max(self._collected, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:  # noqa: ARG002
        """Count the tests of a distributed run: every worker collects all of them."""
        self._collected = max(self._collected, len(ids))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test when it is torn down: that happens once, whatever its outcome."""
        self._run += report.when == "teardown"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run that would be green although tests were not run."""
        if (
            session.exitstatus == pytest.ExitCode.OK
            and not session.config.option.collectonly
            and self._is_short
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print both figures."""
        if not terminalreporter.config.option.collectonly:
            terminalreporter.write_line(f"collected {self._collected}, run {self._run}", red=self._is_short)

    @property
    def _is_short(self) -> bool:
        return self._run != self._collected


def pytest_configure(config: pytest.Config) -> None:
    """Watch the run, in the process that reports it."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(CollectedIsRun())
