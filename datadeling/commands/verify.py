"""`datadeling verify`: hold the tables against the topic, and mend what can be mended."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from datadeling.commands.context import (
    asked,
    by_option,
    command_context,
    json_option,
    print_json,
    print_table,
    reason_option,
)
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.operations.verify import verifier as whole
from datadeling.operations.verify.compare import Findings
from datadeling.operations.verify.judgement import FAULTS, MEANINGS

_INTERRUPTED = 130  # what a shell expects of who was ended by Ctrl-C


@click.command()
@click.option("--repair", is_flag=True, help="Write what is missing or different again, from the topic.")
@click.option("--delete-surplus", is_flag=True, help="Delete what the topic knows nothing of; say --reason.")
@reason_option(required=False)
@by_option
@json_option
def verify(repair: bool, delete_surplus: bool, reason: str | None, asked_by: str, as_json: bool) -> None:
    """Read the whole topic and compare the tables with it. Exit code 1 when a fault is left in the end.

    Safe beside the consumer: what it has not handled when the command begins is no fault.
    """
    if delete_surplus and reason is None:
        raise click.UsageError("--delete-surplus needs --reason")
    options = whole.Options(repair, asked(asked_by, reason) if delete_surplus else None)
    try:
        report = _run(options)
    except KeyboardInterrupt:
        click.echo("datadeling: interrupted", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None
    if as_json:
        print_json(_as_dict(report))
    else:
        _print(report)
    if report.faults:
        raise click.exceptions.Exit(1)


def _run(options: whole.Options) -> whole.Report:
    with command_context() as on, _shown_progress() as progress:
        topic = Topic(on.kafka, OPERATOR_TIMEOUT)
        return whole.Verifier(on.database, on.kafka, topic, progress).run(options)


@contextmanager
def _shown_progress() -> Iterator[whole.OnProgress]:
    """A bar for each thing that is gone through, on standard error, if that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {what: bars.add_task(what, total=None, visible=False) for what in whole.STAGES}
        yield lambda what, done, of: bars.update(tasks[what], completed=done, total=of, visible=True)


def _print(report: whole.Report) -> None:
    found = report.found
    print_table(
        ("", "avtaler", "meaning"),
        [(category, found.counts[category], meaning) for category, meaning in MEANINGS.items()],
    )
    if found.columns:
        print_table(("different column", "avtaler"), found.columns.most_common())
    examples = [
        (category, avtale_id) for category in FAULTS for avtale_id in found.examples.get(category, ())
    ]
    if examples:
        print_table(("for example", "avtaleId"), examples)
    click.echo(f"{report.messages} messages on the topic, {report.unreadable} of them cannot be read")
    if report.left is not None:
        rest = ", ".join(f"{category} {report.left.counts[category]}" for category in FAULTS)
        click.echo(
            f"mended {_at_fault(found) - report.faults}, {report.deleted} of them deleted; left: {rest}"
        )


def _at_fault(findings: Findings) -> int:
    return sum(findings.counts[category] for category in FAULTS)


def _as_dict(report: whole.Report) -> dict[str, object]:
    found, left = report.found, report.left
    return {
        "avtaler": {category: found.counts[category] for category in MEANINGS},
        "columns": dict(found.columns.most_common()),
        "examples": found.examples,
        "messages": report.messages,
        "unreadable": report.unreadable,
        "deleted": report.deleted,
        "left": None if left is None else {category: left.counts[category] for category in FAULTS},
        "faults": report.faults,
    }
