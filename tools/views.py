"""The views in BigQuery as files: `python -m tools.views mirror/views`, or `make views`."""

import sys
from pathlib import Path

from datadeling.mirror.views import files


def write(folder: Path) -> None:
    """Make the folder hold what the code says, and no other SQL."""
    wanted = files()
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.sql"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
