"""Figures as a table on the terminal, as JSON, and between the marks of `RESULTS.md`."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from benchmarks.figures import Row, Rows
from datadeling.demo.process import ServiceFailed

_COLUMNS = ("what", "of its limit", "the limit", "measured", "unit", "goal")
_MARKED = "<!-- {name} -->\n{text}<!-- end of {name} -->"


def terminal(title: str, rows: Rows) -> Table:
    """Return the table of one part."""
    table = Table(*_COLUMNS, title=title, title_justify="left")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def markdown(rows: Rows) -> str:
    """Return the table of one part in Markdown."""
    head = ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    return "\n".join([*head, *("| " + " | ".join(_cells(row)) + " |" for row in rows)])


def _cells(row: Row) -> tuple[str, ...]:
    share = row.share.text if row.share else ""
    return (row.name, share, row.of, row.value.text, row.unit, row.goal)


def machine() -> dict[str, Any]:
    """Return the time, the commit and the machine of the figures."""
    commit = _output("git", "describe", "--always", "--dirty") or "unknown"
    return {
        "when": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
    }


def write_json(path: Path, about: Mapping[str, Any], parts: Mapping[str, Rows]) -> None:
    """Write every value of every run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {**about, "parts": {name: [row.json for row in rows] for name, rows in parts.items()}}
    path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_results(path: Path, about: Mapping[str, Any], parts: Mapping[str, Rows]) -> None:
    """Replace the text between the marks of each part by its table; the text around them stays.

    Raises `ServiceFailed` when a part has no marks.
    """
    text = path.read_text(encoding="utf-8")
    for name, rows in parts.items():
        text = _replaced(text, name, f"\n{_origin(about)}\n\n{markdown(rows)}\n")
    path.write_text(text, encoding="utf-8")


def _replaced(text: str, name: str, new: str) -> str:
    found = re.compile(_MARKED.format(name=re.escape(name), text="(?s:.*?)"))
    if not found.search(text):
        raise ServiceFailed(f"the results have no marks for {name}")
    return found.sub(lambda _: _MARKED.format(name=name, text=new), text)


def _origin(about: Mapping[str, Any]) -> str:
    return (
        f"{about['when'][:10]}, commit {about['commit']}, {about['runs']} runs, {about['cores']} cores "
        f"({about['processor']}), {about['memory_gib']} GiB, Python {about['python']}."
    )


def _processor() -> str:
    try:
        lines: Iterable[str] = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = ()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _output(*args: str) -> str:
    try:
        done = subprocess.run(args, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
