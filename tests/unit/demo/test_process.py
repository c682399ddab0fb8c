import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from datadeling.demo.process import Child, Guard, ServiceFailed, free_port, run

WAIT_S = 20

DIES_WITH_A_CHILD = """
import os, signal, sys
from pathlib import Path
from datadeling.demo.process import Guard
Guard(pid=int(sys.argv[1]), sign=signal.SIGTERM)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def child(script: str, directory: Path) -> Child:
    return Child(["/bin/sh", "-c", script], log=directory / "log", cwd=directory)


def test_the_child_of_a_killed_process_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    code = subprocess.run(
        [sys.executable, "-c", DIES_WITH_A_CHILD, str(sleeper.pid)], check=False, timeout=WAIT_S
    ).returncode
    assert code == -SIGKILL
    assert sleeper.wait(WAIT_S) == -SIGTERM


def test_a_directory_is_removed_when_we_are_gone(tmp_path: Path) -> None:
    directory = tmp_path / "left behind"
    (directory / "deep").mkdir(parents=True)
    guard = Guard(directory=directory)
    # What the kernel does when a process ends: it closes the pipe.
    assert guard._process.stdin
    guard._process.stdin.close()
    guard._process.wait(WAIT_S)
    assert not directory.exists()


def test_a_disarmed_guard_does_nothing(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    guard = Guard(pid=sleeper.pid, directory=tmp_path)
    guard.disarm()
    guard.disarm()
    assert tmp_path.exists()
    assert sleeper.poll() is None


@pytest.mark.parametrize(
    ("script", "steps", "code"),
    [
        pytest.param("sleep 60", [(SIGTERM, 20)], -SIGTERM, id="heeds the first signal"),
        pytest.param(
            "trap '' TERM; echo deaf; while :; do sleep 1; done", [(SIGTERM, 0)], -SIGKILL, id="deaf"
        ),
        pytest.param("exit 3", [(SIGTERM, 20)], 3, id="gone already"),
        pytest.param("sleep 60", [], -SIGKILL, id="killed at once"),
    ],
)
def test_stop(script: str, steps: list[tuple[Signals, float]], code: int, tmp_path: Path) -> None:
    process = child(f"echo started; exec 3>&1; {script}", tmp_path)
    if code == 3:
        process.wait()
    elif code == -SIGKILL and steps:
        await_line("deaf", process)
    assert process.stop(*steps) == code
    assert process.poll() == process.stop() == code


def await_line(line: str, process: Child) -> None:
    while line not in process.log_tail():
        assert process.poll() is None


def test_run_raises_with_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(ServiceFailed, match=r"sh ended \(4\):\nout\nerr"):
        run(["/bin/sh", "-c", "echo out; echo err >&2; exit 4"], log=tmp_path / "log", cwd=tmp_path)


def test_a_program_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child([tmp_path / "nothing"], log=tmp_path / "log", cwd=tmp_path)


def test_ports_differ_and_are_below_those_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32_768
