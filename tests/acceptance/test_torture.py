"""A short run of `make torture`."""

import sys
from pathlib import Path

from datadeling.demo.process import Child

_ROOT = Path(__file__).parents[2]
_RUN = ("--seed", "1", "--events", "6000", "--seconds", "24")


def test_a_short_run_ends_with_the_tables_of_the_oracle(tmp_path: Path) -> None:
    torture = Child([sys.executable, "-m", "tests.torture", *_RUN], log=tmp_path / "torture.log", cwd=_ROOT)
    try:
        code = torture.wait()
    finally:
        torture.stop(60.0)
    assert code == 0, torture.log.read_text("utf-8")
