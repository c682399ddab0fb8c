"""`datadeling replay`: read the topic again beside the live consumer, and write only differences."""

import gc
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from datadeling.commands.context import (
    INTERRUPTED,
    CommandContext,
    command_context,
    json_option,
    operator_action,
    parse_avtale_id,
    parse_offsets,
    print_json,
    print_table,
)
from datadeling.commands.progress import show_progress, stop_on_signal
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.domain.month import OSLO
from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.runner import Runner, Setting, dry_run
from datadeling.pipeline.tally import OUTCOMES, Tally, total

_F = TypeVar("_F", bound=Callable[..., Any])

_MEANING = {
    "new": "there was no row",
    "changed": "the row was older, or differed",
    "unchanged": "the row came from this message, and is right",
    "older": "a newer message, or a tombstone, is stored",
    "deleted": "a tombstone that had not been applied",
    "failed": "cannot be read or stored",
}


def _time(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("must be a time such as 2026-11-22, 2026-11-22T08:30 or …T08:30Z") from None
    return time if time.tzinfo else time.replace(tzinfo=OSLO)


def _offset_option(name: str, text: str) -> Callable[[_F], _F]:
    return click.option(name, callback=parse_offsets, multiple=True, metavar="P:N", help=text)


@click.command()
@click.option("--from-beginning", is_flag=True, help="The whole topic.")
@_offset_option("--from-offset", "From this offset of a partition. Reads only the partitions named.")
@click.option(
    "--from-time", callback=_time, metavar="T", help="From this record time; Oslo time if it has no zone."
)
@_offset_option("--to-offset", "To this offset of a partition, exclusive.")
@click.option("--to-time", callback=_time, metavar="T", help="To this record time, exclusive.")
@click.option("--avtale", callback=parse_avtale_id, metavar="ID", help="Only messages of this avtale.")
@click.option("--dry-run", is_flag=True, help="Report the changes without writing them.")
@click.option("--resume", type=int, metavar="ID", help="Continue a replay that was stopped.")
@click.option("--background", is_flag=True, help="Let a consumer process run it, and return at once.")
@click.option("--list", "list_", is_flag=True, help="List replays, newest first.")
@click.option("--cancel", type=int, metavar="ID", help="Stop a replay for good, wherever it runs.")
@click.option(
    "--workers", type=click.IntRange(1, 64), hidden=True, help="Accepted for old scripts; has no effect."
)
@click.option("--rate", type=click.IntRange(min=1), metavar="N", help="Maximum events a second.")
@operator_action(with_reason="optional")
@json_option
def replay(action: OperatorAction, as_json: bool, **options: Any) -> None:  # noqa: ANN401 (as declared above)
    """Read the topic again, and write only what differs from the tables.

    Safe beside the live consumer: its offsets stay, and the replay stops where it stands. Exit code 1 when
    the replay fails, 130 when it is interrupted.
    """
    _check(options)
    request = Request(
        options["from_offset"], options["from_time"], options["to_offset"], options["to_time"],
        options["avtale"], options["rate"],
    )  # fmt: skip
    with command_context() as context:
        jobs = Jobs(context.database, context.settings.topic)
        if options["list_"]:
            _print_replays(jobs.listed(50), as_json=as_json)
        elif options["cancel"]:
            jobs.cancel(options["cancel"], action)
            click.echo(f"replay {options['cancel']} is cancelled")
        elif options["dry_run"]:
            _dry_run(_setting(context), request, as_json=as_json)
        elif options["background"]:
            replay_id = jobs.add(request, action, background=True)
            click.echo(f"replay {replay_id} is asked for; `datadeling replay --list` shows how it gets on")
        else:
            setting = _setting(context)
            row = jobs.get(options["resume"] or jobs.add(request, action, background=False))
            _run(setting, jobs, row._replace(rate=request.rate or row.rate), as_json=as_json)


def _check(options: dict[str, Any]) -> None:
    """Raise `click.UsageError` unless the options describe one operation."""
    begins = [name for name in ("from_beginning", "from_offset", "from_time") if options[name]]
    others = [name for name in ("resume", "list_", "cancel") if options[name]]
    if len(begins) > 1:
        raise click.UsageError("give one of --from-beginning, --from-offset, --from-time")
    if bool(begins or options["avtale"]) + len(others) != 1:
        raise click.UsageError("give one of --from-…, --avtale, --resume, --list and --cancel")
    if others and any(options[name] for name in ("dry_run", "background", "to_offset", "to_time")):
        raise click.UsageError(f"--{others[0].rstrip('_')} takes no range, --dry-run or --background")
    if options["dry_run"] and options["background"]:
        raise click.UsageError("--dry-run cannot run in the background")


def _setting(context: CommandContext) -> Setting:
    # As in the consumer: a batch has many objects, and none of them refers to itself.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return Setting(context.kafka, context.settings.db_url)


def _dry_run(setting: Setting, request: Request, *, as_json: bool) -> None:
    with stop_on_signal() as stop, show_progress("dry run") as report:
        tally = dry_run(setting, request, stop, report)
    if stop.is_set():
        click.echo("stopped; nothing has been written", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    if as_json:
        print_json({"dry_run": True, **tally.as_dict()})
        return
    _print_tally(tally)
    click.echo("nothing has been written")


def _run(setting: Setting, jobs: Jobs, row: ReplayRow, *, as_json: bool) -> None:
    click.echo(f"replay {row.id}", err=True)
    with stop_on_signal() as stop, show_progress(f"replay {row.id}") as report:
        row = Runner(setting, jobs).run(row, stop, report)
    if row.state == "running":
        jobs.end(row.id, "stopped")
        row = jobs.get(row.id)
    _print_totals(row, jobs.partitions(row.id), as_json=as_json)
    if row.state == "stopped":
        click.echo(f"stopped; go on with: datadeling replay --resume {row.id}", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    if row.state != "done":
        click.echo(f"replay {row.id} is {row.state}", err=True)
        raise click.exceptions.Exit(1)


def _print_totals(row: ReplayRow, partitions: Sequence[PartitionProgress], *, as_json: bool) -> None:
    """Print the outcomes of a replay from its beginning, including those before it was resumed."""
    tally = total(Tally.from_dict(partition.tally) for partition in partitions)
    if as_json:
        progress = [_progress_as_dict(partition) for partition in partitions]
        print_json({**_as_dict(row), "partitions": progress, **tally.as_dict()})
        return
    _print_tally(tally)
    events = sum(partition.events for partition in partitions)
    click.echo(f"replay {row.id} {row.state}: {events} events from {len(partitions)} partitions")


def _print_replays(rows: Sequence[ReplayRow], *, as_json: bool) -> None:
    if as_json:
        print_json([_as_dict(row) for row in rows])
    else:
        print_table(
            ("ID", "state", "where", "what", "by", "asked for", "ended", "error"),
            [_as_cells(row) for row in rows],
        )


def _print_tally(tally: Tally) -> None:
    examples: dict[Any, list[str]] = {**tally.examples}
    print_table(
        ("messages", "", "which means", "for example"),
        [(o, tally.outcomes[o], _MEANING[o], "\n".join(examples.get(o, []))) for o in OUTCOMES],
    )
    if tally.columns:
        print_table(("column", "avtaler in which it changed"), tally.columns.most_common())


def _as_cells(row: ReplayRow) -> tuple[object, ...]:
    where = "consumer" if row.background else "command"
    times = row.requested_at, row.finished_at
    return row.id, row.standing, where, _range_options(row), row.requested_by, *times, row.error


def _as_dict(row: ReplayRow) -> dict[str, Any]:
    return {**row._asdict(), "state": row.standing}


def _progress_as_dict(partition: PartitionProgress) -> dict[str, int]:
    numbers = partition._asdict()
    del numbers["tally"], numbers["updated_at"]
    return numbers


def _range_options(row: ReplayRow) -> str:
    """Return the range of a replay as options of this command."""
    parts = [f"--from-offset {p}:{n}" for p, n in (row.from_offsets or {}).items()]
    parts += [f"--from-time {row.from_time.isoformat()}"] if row.from_time else []
    parts += [f"--avtale {row.avtale_id}"] if row.avtale_id else []
    parts = parts or ["--from-beginning"]
    parts += [f"--to-offset {p}:{n}" for p, n in (row.to_offsets or {}).items()]
    parts += [f"--to-time {row.to_time.isoformat()}"] if row.to_time else []
    return " ".join(parts + ([f"--rate {row.rate}"] if row.rate else []))
