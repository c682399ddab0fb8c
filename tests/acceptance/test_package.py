"""What is installed from the wheel works without the repository."""

import subprocess
import sys
from pathlib import Path

import psycopg


def test_the_wheel_brings_its_migrations(tmp_path: Path, empty_db_url: str) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, str(installed), str(wheel)], check=True, capture_output=True)

    migrate = "import datadeling, sys; print(datadeling.__file__); from datadeling.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", migrate, "migrate"],
        env={"PYTHONPATH": str(installed), "DB_URL": empty_db_url},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(installed))
    with psycopg.connect(empty_db_url) as connection:
        assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (0,)
