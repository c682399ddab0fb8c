import subprocess
import sys
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import pytest

from datadeling.demo.process import Child, ServiceFailed, await_true, free_port, temporary_directory

WAIT_S = 20.0

DIES_WITH_A_CHILD = """
import os, signal
from datadeling.demo.process import Child, temporary_directory
directory = temporary_directory()
path = directory.__enter__()
(path / "deep").mkdir()
child = Child(["sleep", "60"], log=path / "log", cwd="/")
print(child.pid, path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def child(script: str, directory: Path) -> Child:
    return Child(["/bin/sh", "-c", script], log=directory / "log", cwd=directory)


def test_a_process_and_a_directory_are_gone_after_we_were_killed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES_WITH_A_CHILD], check=False, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == -SIGKILL, done.stderr
    pid, directory = done.stdout.split()
    await_true(lambda: not Path(f"/proc/{pid}").exists() and not Path(directory).exists(), deadline_s=WAIT_S)


def test_a_directory_is_gone_after_the_block() -> None:
    with temporary_directory() as directory:
        (directory / "file").touch()
    assert not directory.exists()


@pytest.mark.parametrize(
    ("script", "seconds", "sign", "code"),
    [
        pytest.param("sleep 60", 20, SIGTERM, -SIGTERM, id="heeds the signal"),
        pytest.param("trap '' TERM; echo deaf; while :; do sleep 1; done", 0, SIGTERM, -SIGKILL, id="deaf"),
        pytest.param("exit 3", 20, SIGTERM, 3, id="gone already"),
        pytest.param("sleep 60", 20, SIGKILL, -SIGKILL, id="killed at once"),
    ],
)
def test_stop(script: str, seconds: float, sign: Signals, code: int, tmp_path: Path) -> None:
    process = child(script, tmp_path)
    if code == 3:
        process.wait()
    elif "deaf" in script:
        await_true(lambda: "deaf" in process.log_tail(), process)
    assert process.stop(seconds, sign) == code
    assert process.poll() == process.stop() == code


def test_a_process_that_ends_instead_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    process = child("echo out; echo err >&2; exit 4", tmp_path)
    with pytest.raises(ServiceFailed, match=r"log ended \(4\):\nout\nerr"):
        await_true(lambda: False, process)
    process.stop()


def test_a_program_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child([tmp_path / "nothing"], log=tmp_path / "log", cwd=tmp_path)


def test_ports_differ_and_are_below_those_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32_768
