"""Views as BigQuery's SQL: what stands in mirror/views, and can be pasted into the console."""

import json

from datadeling.mirror.views import DATASET, SOURCE, VIEWS, View

_HEADING = "-- Made from datadeling/mirror by `make views`. Change it there.\n"


def create(
    view: View, *, dataset: str = DATASET, views_in: str | None = None, project: str | None = None
) -> str:
    """The statement that makes or replaces the view over the table in `dataset`; in the same one if left out.

    Without `project` it is whichever the statement is run in.
    """
    columns = ",\n".join(f"  {c.name} OPTIONS (description = {_text(c.description)})" for c in view.columns)
    labels = ", ".join(f"({_text(key)}, {_text(value)})" for key, value in view.labels.items())
    return (
        f"CREATE OR REPLACE VIEW {quoted(project, views_in or dataset, view.name)} (\n{columns}\n)\n"
        f"OPTIONS (\n  description = {_text(view.description)},\n  labels = [{labels}]\n)\n"
        f"AS\n{view.query(quoted(project, dataset, SOURCE))};\n"
    )


def files() -> dict[str, str]:
    """What mirror/views is to hold: the text of each file, by its name."""
    return {f"{view.name}.sql": _HEADING + create(view) for view in VIEWS}


def quoted(*path: str | None) -> str:
    """A name in backticks."""
    return f"`{'.'.join(part for part in path if part)}`"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # BigQuery reads the same escapes
