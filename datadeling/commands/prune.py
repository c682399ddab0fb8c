"""`datadeling prune`: delete everything that is too old, at once."""

import click

from datadeling.commands.context import (
    asked,
    by_option,
    command_context,
    json_option,
    print_json,
    print_table,
)
from datadeling.operations.retention import count_prunable
from datadeling.operations.retention import prune as prune_all


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be deleted.")
@by_option
@json_option
def prune(dry_run: bool, asked_by: str, as_json: bool) -> None:
    """Delete what is too old: failed messages, old history, old records of operators and of lookups.

    Records of lookups go by whole months, and are counted so.

    The consumer does it by itself, once an hour; the KEEP_… variables set the times. Safe at
    any time, also beside the consumer; run it again if it was cut off.
    """
    who = asked(asked_by)
    with command_context() as on:
        if dry_run:
            rows = count_prunable(on.database, on.settings.retention)
        else:
            rows = prune_all(on.database, on.name, on.settings.retention, who)
    if as_json:
        print_json(rows)
    else:
        print_table(("table", "rows to delete" if dry_run else "rows deleted"), list(rows.items()))
