"""`datadeling prune`: delete expired data at once."""

import click

from datadeling.commands.context import (
    command_context,
    json_option,
    operator_action,
    print_json,
    print_table,
)
from datadeling.operations.action import OperatorAction
from datadeling.operations.retention import count_prunable
from datadeling.operations.retention import prune as prune_all


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count the rows that would be deleted.")
@operator_action()
@json_option
def prune(dry_run: bool, action: OperatorAction, as_json: bool) -> None:
    """Delete expired data: failed messages, history, and the logs of operators and of lookups.

    The lookup log is deleted, and counted, by whole months.

    The consumer does the same once an hour; the KEEP_… variables set the times. Safe at any time, also while
    the consumer runs. Run it again if it was interrupted.
    """
    with command_context() as context:
        if dry_run:
            rows = count_prunable(context.database, context.settings.retention)
        else:
            rows = prune_all(context.database, context.settings.topic, context.settings.retention, action)
    if as_json:
        print_json(rows)
    else:
        print_table(("table", "rows to delete" if dry_run else "rows deleted"), list(rows.items()))
