"""`datadeling replay`: read the topic again beside the live consumer, and write only what differs."""

import gc
from datetime import datetime
from typing import Any

import click

from datadeling.commands.context import (
    CommandContext,
    asked,
    avtale_id,
    by_option,
    command_context,
    json_option,
    offsets_given,
    reason_option,
)
from datadeling.commands.progress import stop_on_signal, watching
from datadeling.commands.replay_output import print_replays, print_tally, print_totals
from datadeling.db.tables.replays import ReplayRow
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.runner import Runner, Setting, dry_run
from datadeling.pipeline.timestamps import OSLO

_INTERRUPTED = 130  # as a shell calls it


def _time(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("must be a time such as 2026-11-22, 2026-11-22T08:30 or …T08:30Z") from None
    return time if time.tzinfo else time.replace(tzinfo=OSLO)


@click.command()
@click.option("--from-beginning", is_flag=True, help="All that the topic has.")
@click.option(
    "--from-offset",
    callback=offsets_given,
    multiple=True,
    metavar="P:N",
    help="From this offset of a partition; once for each that is to be read.",
)
@click.option(
    "--from-time",
    callback=_time,
    metavar="T",
    help="From messages of this record time on; Oslo time unless it says otherwise.",
)
@click.option(
    "--to-offset", callback=offsets_given, multiple=True, metavar="P:N", help="Up to this offset, without it."
)
@click.option(
    "--to-time", callback=_time, metavar="T", help="Up to messages of this record time, without them."
)
@click.option("--avtale", callback=avtale_id, metavar="ID", help="Only messages of this avtale.")
@click.option("--dry-run", is_flag=True, help="Write nothing; tell what would change.")
@click.option("--resume", type=int, metavar="ID", help="Go on with a replay that was stopped.")
@click.option("--background", is_flag=True, help="Let a consumer process do it, and return at once.")
@click.option("--list", "listing", is_flag=True, help="List replays, the newest first.")
@click.option("--cancel", type=int, metavar="ID", help="Stop one for good, wherever it runs.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    hidden=True,
    help="Has no effect any more: one thread reads, ahead of what the database writes.",
)
@click.option("--rate", type=click.IntRange(min=1), metavar="N", help="At most so many events a second.")
@reason_option(required=False)
@by_option
@json_option
def replay(**given: Any) -> None:  # noqa: ANN401 (what click gives is said above)
    """Read the topic again, and write only what differs from what is stored.

    Safe beside the live consumer, whose offsets stay: it goes no further than that has come. Exit code 1 when
    it fails, 130 when it was interrupted.
    """
    _one_way(given)
    with command_context() as on:
        jobs = Jobs(on.database, on.name)
        if given["listing"]:
            print_replays(jobs.listed(50), as_json=given["as_json"])
        elif given["cancel"]:
            jobs.cancel(given["cancel"], asked(given["asked_by"], given["reason"]))
            click.echo(f"replay {given['cancel']} is cancelled")
        elif given["dry_run"]:
            _rehearse(on, given)
        elif given["background"]:
            replay_id = _add(jobs, given)
            click.echo(f"replay {replay_id} is asked for; `datadeling replay --list` shows how it gets on")
        else:
            _run(_setting(on), jobs, given)


def _one_way(given: dict[str, Any]) -> None:
    """Raise `click.UsageError` unless the options say one thing."""
    begins = [n for n in ("from_beginning", "from_offset", "from_time") if given[n]]
    others = [n for n in ("resume", "listing", "cancel") if given[n]]
    if len(begins) > 1:
        raise click.UsageError("give one of --from-beginning, --from-offset, --from-time")
    asks = bool(begins or given["avtale"])
    if asks + len(others) != 1:
        raise click.UsageError("say from where (--from-…), or --avtale, --resume, --list or --cancel")
    if others and (given["dry_run"] or given["background"] or given["to_offset"] or given["to_time"]):
        raise click.UsageError(f"--{others[0].replace('listing', 'list')} takes no range, and is no dry run")
    if given["dry_run"] and given["background"]:
        raise click.UsageError("a dry run is done at once")


def _request(given: dict[str, Any]) -> Request:
    return Request(
        given["from_offset"], given["from_time"], given["to_offset"], given["to_time"], given["avtale"],
        given["rate"],
    )  # fmt: skip


def _add(jobs: Jobs, given: dict[str, Any]) -> int:
    who = asked(given["asked_by"], given["reason"])
    return jobs.add(_request(given), who, background=given["background"])


def _setting(on: CommandContext) -> Setting:
    # As in the consumer: a batch has many objects, and none of them refers to itself.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return Setting(on.kafka, on.settings.db_url)


def _rehearse(on: CommandContext, given: dict[str, Any]) -> None:
    with stop_on_signal() as stop, watching("dry run") as look:
        tally = dry_run(_setting(on), _request(given), stop, look)
    if stop.is_set():
        click.echo("stopped; nothing has been written", err=True)
        raise click.exceptions.Exit(_INTERRUPTED)
    print_tally(tally, as_json=given["as_json"])


def _run(setting: Setting, jobs: Jobs, given: dict[str, Any]) -> None:
    row = jobs.get(given["resume"] or _add(jobs, given))
    if given["rate"]:
        row = row._replace(rate=given["rate"])
    click.echo(f"replay {row.id}", err=True)
    with stop_on_signal() as stop, watching(f"replay {row.id}") as look:
        row = Runner(setting, jobs).run(row, stop, look)
    if row.state == "running":
        jobs.end(row.id, "stopped")
        row = jobs.get(row.id)
    _tell(jobs, row, as_json=given["as_json"])


def _tell(jobs: Jobs, row: ReplayRow, *, as_json: bool) -> None:
    print_totals(row, jobs.partitions(row.id), as_json=as_json)
    if row.state == "stopped":
        click.echo(f"stopped; go on with: datadeling replay --resume {row.id}", err=True)
        raise click.exceptions.Exit(_INTERRUPTED)
    if row.state != "done":
        click.echo(f"replay {row.id} is {row.state}", err=True)
        raise click.exceptions.Exit(1)
