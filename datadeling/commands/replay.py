"""`datadeling replay`: read the topic again beside the live consumer, and write only differences."""

import gc
from datetime import datetime
from typing import Any

import click

from datadeling.commands import terminal
from datadeling.commands.progress import show_progress, stop_on_signal
from datadeling.db.rows import ReplayRow
from datadeling.domain.month import OSLO
from datadeling.errors import TooLate
from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.partition import Setting
from datadeling.operations.replay.runner import Runner, dry_run
from datadeling.pipeline.tally import OUTCOMES, Tally

_COLUMNS = ("id", "state", "background", "what", "requested_by", "requested_at", "finished_at", "error")
_MEANING = {
    "new": "there was no row",
    "changed": "the row was older, or differed",
    "unchanged": "the row came from this message, and is right",
    "older": "a newer message, or a tombstone, is stored",
    "deleted": "a tombstone that had not been applied",
    "failed": "cannot be read or stored",
}


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=OSLO)


_TIME = terminal.parsed(_time, "must be a time such as 2026-11-22, 2026-11-22T08:30 or …T08:30Z")


@click.command()
@click.option("--from-beginning", is_flag=True, help="The whole topic.")
@terminal.offsets_option(
    "--from-offset",
    "from_offsets",
    help="From this offset of a partition. Reads only the partitions named.",
)
@click.option("--from-time", type=_TIME, metavar="T", help="From this record time; in Oslo without a zone.")
@terminal.offsets_option("--to-offset", "to_offsets", help="To this offset of a partition, exclusive.")
@click.option("--to-time", type=_TIME, metavar="T", help="To this record time, exclusive.")
@click.option("--avtale", "avtale_id", type=terminal.AVTALE_ID, metavar="ID", help="Only this avtale.")
@click.option("--dry-run", is_flag=True, help="Report the changes without writing them.")
@click.option("--resume", type=int, metavar="ID", help="Continue a replay that was stopped.")
@click.option("--background", is_flag=True, help="Let a consumer process run it, and return at once.")
@click.option("--list", "list_", is_flag=True, help="List replays, newest first.")
@click.option("--cancel", type=int, metavar="ID", help="Stop a replay for good, wherever it runs.")
@click.option(
    "--workers", type=click.IntRange(1, 64), hidden=True, help="Accepted for old scripts; has no effect."
)
@click.option("--rate", type=click.IntRange(min=1), metavar="N", help="Maximum events a second.")
@terminal.reason_option()
@terminal.by_option
@terminal.json_option
def replay(reason: str | None, by: str, as_json: bool, **chosen: Any) -> None:  # noqa: ANN401 (as declared above)
    """Read the topic again, and write only what differs from the tables.

    Safe beside the live consumer: its offsets stay, and the replay stops where it stands. Exit code 1 when
    the replay fails, 130 when it is interrupted.
    """
    _check(chosen)
    request = Request(**{name: chosen[name] or None for name in Request._fields})
    action = OperatorAction(by, reason)
    with terminal.command_context() as context:
        jobs = Jobs(context.database, context.settings.topic)
        if chosen["list_"]:
            rows = [{**row._asdict(), "state": row.standing, "what": _what(row)} for row in jobs.listed(50)]
            terminal.print_rows(rows, _COLUMNS, as_json=as_json)
        elif chosen["cancel"]:
            jobs.cancel(chosen["cancel"], action)
            click.echo(f"replay {chosen['cancel']} is cancelled")
        elif chosen["background"]:
            replay_id = jobs.add(request, action, background=True)
            click.echo(f"replay {replay_id} is asked for; `datadeling replay --list` shows how it gets on")
        else:
            # As in the consumer. With Python's own thresholds a replay takes a fifth more CPU.
            gc.freeze()
            gc.set_threshold(20_000, 20, 20)
            setting = Setting(context.kafka, context.settings.db_url)
            if chosen["dry_run"]:
                _dry_run(setting, request, as_json=as_json)
                return
            row = jobs.get(chosen["resume"] or jobs.add(request, action, background=False))
            _run(setting, jobs, row._replace(rate=request.rate or row.rate), as_json=as_json)


def _check(chosen: dict[str, Any]) -> None:
    """Raise `click.UsageError` unless the options describe one operation."""
    begins = [name for name in ("from_beginning", "from_offsets", "from_time") if chosen[name]]
    others = [name for name in ("resume", "list_", "cancel") if chosen[name]]
    if len(begins) > 1:
        raise click.UsageError("give one of --from-beginning, --from-offset, --from-time")
    if bool(begins or chosen["avtale_id"]) + len(others) != 1:
        raise click.UsageError("give one of --from-…, --avtale, --resume, --list and --cancel")
    if others and any(chosen[name] for name in ("dry_run", "background", "to_offsets", "to_time")):
        raise click.UsageError(f"--{others[0].rstrip('_')} takes no range, --dry-run or --background")
    if chosen["dry_run"] and chosen["background"]:
        raise click.UsageError("--dry-run cannot run in the background")


def _what(row: ReplayRow) -> str:
    values = {name: getattr(row, name) for name in Request._fields}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value) or "everything"


def _dry_run(setting: Setting, request: Request, *, as_json: bool) -> None:
    with stop_on_signal() as stop, show_progress("dry run") as report:
        tally = dry_run(setting, request, stop, report)
    if stop.is_set():
        click.echo("stopped; nothing has been written", err=True)
        raise KeyboardInterrupt
    _print_tally(tally, {"dry_run": True}, "nothing has been written", as_json=as_json)


def _run(setting: Setting, jobs: Jobs, row: ReplayRow, *, as_json: bool) -> None:
    click.echo(f"replay {row.id}", err=True)
    with stop_on_signal() as stop, show_progress(f"replay {row.id}") as report:
        row = Runner(setting, jobs).run(row, stop, report)
    if row.state == "running":
        jobs.end(row.id, "stopped")
        row = jobs.get(row.id)
    # All of it counts, also what was read before the replay was resumed.
    partitions = jobs.partitions(row.id)
    tally = sum((Tally.from_dict(partition.tally) for partition in partitions), Tally())
    document = {**row._asdict(), "state": row.standing, "partitions": [one._asdict() for one in partitions]}
    events = sum(partition.events for partition in partitions)
    summary = f"replay {row.id} {row.state}: {events} events from {len(partitions)} partitions"
    _print_tally(tally, document, summary, as_json=as_json)
    if row.state == "stopped":
        click.echo(f"stopped; go on with: datadeling replay --resume {row.id}", err=True)
        raise KeyboardInterrupt
    if row.state != "done":
        raise TooLate(f"replay {row.id} is {row.state}")


def _print_tally(tally: Tally, document: dict[str, Any], summary: str, *, as_json: bool) -> None:
    """Print the outcomes, with the rest of a JSON document or the last line of a table."""
    if as_json:
        terminal.print_json({**document, **tally.as_dict()})
        return
    rows = [(o, tally.outcomes[o], _MEANING[o], "\n".join(tally.examples.get(o, []))) for o in OUTCOMES]
    terminal.print_table(("messages", "", "which means", "for example"), rows)
    if tally.columns:
        terminal.print_table(("column", "avtaler in which it changed"), tally.columns.most_common())
    click.echo(summary)
