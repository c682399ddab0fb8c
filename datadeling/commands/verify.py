"""`datadeling verify`: compare the tables with the topic, and repair them."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from datadeling.commands import terminal
from datadeling.operations.action import OperatorAction
from datadeling.operations.verify.summary import FAULTS, MEANINGS
from datadeling.operations.verify.verifier import STAGES, OnProgress, Report, Verifier


@click.command()
@click.option("--repair", is_flag=True, help="Write missing and different rows again, from the topic.")
@click.option("--delete-surplus", is_flag=True, help="Delete rows that the topic lacks. Needs --reason.")
@terminal.reason_option()
@terminal.by_option
@terminal.json_option
def verify(repair: bool, delete_surplus: bool, reason: str | None, by: str, as_json: bool) -> None:
    """Read the whole topic and compare the tables with it. Exit code 1 when a fault remains.

    Safe beside the consumer: messages that it had not handled when the command began are no faults.
    """
    if delete_surplus and reason is None:
        raise click.UsageError("--delete-surplus needs --reason")
    deletion = OperatorAction(by, reason) if delete_surplus else None
    with terminal.command_context() as context, _show_stages() as progress:
        verifier = Verifier(context.database, context.kafka, context.topic, progress)
        report = verifier.run(repair=repair, delete_surplus=deletion)
    if as_json:
        terminal.print_json(_as_dict(report))
    else:
        _print(report)
    if report.faults:
        raise click.exceptions.Exit(1)


@contextmanager
def _show_stages() -> Iterator[OnProgress]:
    """Show a bar for each stage on standard error, if that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {stage: bars.add_task(stage, total=None, visible=False) for stage in STAGES}
        yield lambda stage, done, of: bars.update(tasks[stage], completed=done, total=of, visible=True)


def _print(report: Report) -> None:
    found = report.found
    counted = [(category, found.counts[category], meaning) for category, meaning in MEANINGS.items()]
    terminal.print_table(("", "avtaler", "meaning"), counted)
    if found.columns:
        terminal.print_table(("different column", "avtaler"), found.columns.most_common())
    examples = [(category, example) for category in FAULTS for example in found.examples.get(category, ())]
    if examples:
        terminal.print_table(("for example", "avtaleId"), examples)
    click.echo(f"{report.messages} messages on the topic, {report.unreadable} of them cannot be read")
    if report.left is not None:
        rest = ", ".join(f"{category} {report.left.counts[category]}" for category in FAULTS)
        mended = sum(found.counts[category] for category in FAULTS) - report.faults
        click.echo(f"mended {mended}, {report.deleted} of them deleted; left: {rest}")


def _as_dict(report: Report) -> dict[str, object]:
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
