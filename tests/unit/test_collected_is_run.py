"""A run is red when a collected test was not run."""

import pytest

pytest_plugins = ("pytester",)

_CONFTEST = """
import pytest
from tests.collected_is_run import pytest_configure

class Item(pytest.Item):
    def runtest(self): pass

class File(pytest.File):
    def collect(self):
        return [Item.from_parent(self, name=name) for name in %s]

def pytest_collect_file(file_path, parent):
    return File.from_parent(parent, path=file_path) if file_path.suffix == ".items" else None
"""


@pytest.mark.parametrize(
    "options", [(), ("-n", "2", "--dist", "loadfile")], ids=["one process", "distributed"]
)
def test_a_run_of_everything_is_green(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    result = _run(pytester, ["a", "b", "c"], options)
    result.stdout.fnmatch_lines(["collected 3, run 3"])
    assert result.ret == pytest.ExitCode.OK


def test_a_distributed_run_is_red_when_tests_share_an_id(pytester: pytest.Pytester) -> None:
    result = _run(pytester, ["a", "same", "same"], ("-n", "2", "--dist", "loadfile"))
    result.stdout.fnmatch_lines(["collected 3, run 2"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_list_of_tests_runs_none_and_is_green(pytester: pytest.Pytester) -> None:
    assert _run(pytester, ["a"], ("--collect-only",)).ret == pytest.ExitCode.OK


def _run(pytester: pytest.Pytester, names: list[str], options: tuple[str, ...]) -> pytest.RunResult:
    pytester.makeconftest(_CONFTEST % names)
    pytester.makefile(".items", "")
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
