"""The wheel works without the repository, and without the demo, as in the image."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

_TOP = Path(__file__).parents[2]
_MAIN = "import datadeling; print(datadeling.__file__); from datadeling.cli import main; main()"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Copy the sources of the wheel."""
    copy = tmp_path / "source"
    for name in ("datadeling", "migrations"):
        shutil.copytree(_TOP / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(_TOP / name, copy)
    return copy


def install(source: Path) -> Path:
    """Build the wheel and install it into a directory of its own."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    installed = source.parent / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(installed), str(wheel)], check=True, capture_output=True)
    return installed


def run(installed: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the installed package."""
    done = subprocess.run(
        [sys.executable, "-c", _MAIN, *arguments],
        env={"PYTHONPATH": str(installed), "PATH": os.environ["PATH"], **env},
        cwd=installed.parent,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(installed)), done.stderr
    return done


def test_the_wheel_contains_the_migrations_and_the_demo(source: Path, empty_db_url: str) -> None:
    installed = install(source)
    assert run(installed, "migrate", DB_URL=empty_db_url).returncode == 0
    with psycopg.connect(empty_db_url) as connection:
        assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (0,)
    assert (installed / "datadeling/demo/demo.py").is_file()


def test_without_the_demo_its_command_prints_how_to_install_it(source: Path) -> None:
    shutil.rmtree(source / "datadeling/demo")
    installed = install(source)
    assert run(installed, "--help").returncode == 0
    done = run(installed, "demo")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "needs `pip install datadeling[demo]`" in line
