"""`datadeling demo` runs everything, and leaves no process and no file behind."""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from datadeling.demo.process import free_port
from tests.waiting import wait_until

DEMO = [sys.executable, "-m", "datadeling", "demo", "--count", "300"]


def leftovers(directory: Path) -> list[str]:
    """Return the files below a directory, and the processes whose command lines mention it."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [path.name for path in directory.iterdir()] + [line for line in lines if str(directory) in line]


@pytest.fixture
def temporary() -> Path:
    """Create a directory for temporary files that PostgreSQL, which runs as another user, may enter."""
    directory = Path(tempfile.mkdtemp(prefix="demo-test-", dir="/tmp"))
    directory.chmod(0o711)
    return directory


def test_the_demo_checks_itself_once(temporary: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--once", "--port", str(free_port())],
        env={"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert {"paaTiltak", "antall", "naavaerende", "kommende", "tidligere"} == set(json.loads(done.stdout))
    wait_until(lambda: not leftovers(temporary), "nothing is left")
    temporary.rmdir()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_after_a_signal(temporary: Path, tmp_path: Path, sign: signal.Signals) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        demo = subprocess.Popen(
            [*DEMO, "--port", str(free_port())],
            env={"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:

        def shown() -> bool:
            assert demo.poll() is None, output.read_text("utf-8")
            return "Ctrl-C ends everything" in output.read_text("utf-8")

        wait_until(shown, "the demo is up")
        assert "curl -s" in output.read_text("utf-8")
        demo.send_signal(sign)
        assert demo.wait(30) == (-signal.SIGKILL if sign is signal.SIGKILL else 0)
        wait_until(lambda: not leftovers(temporary), "nothing is left")
    finally:
        demo.kill()
        demo.wait()
    temporary.rmdir()
