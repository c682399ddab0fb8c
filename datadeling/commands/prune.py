"""`datadeling prune`: delete expired data at once."""

import click

from datadeling.commands import terminal
from datadeling.operations import retention
from datadeling.operations.action import OperatorAction


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count the rows that would be deleted.")
@terminal.by_option
@terminal.json_option
def prune(dry_run: bool, by: str, as_json: bool) -> None:
    """Delete expired data: failed messages, history, and the logs of operators and of lookups.

    The lookup log is deleted, and counted, by whole months.

    The consumer does the same once an hour; the KEEP_… variables set the times. Safe at any time, also while
    the consumer runs. Run it again if it was interrupted.
    """
    with terminal.command_context() as context:
        database, settings = context.database, context.settings
        if dry_run:
            rows = retention.count_prunable(database, settings.retention)
        else:
            rows = retention.prune(database, settings.topic, settings.retention, OperatorAction(by))
    if as_json:
        terminal.print_json(rows)
    else:
        terminal.print_table(("table", "rows to delete" if dry_run else "rows deleted"), rows.items())
