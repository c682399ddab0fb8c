"""Output of `datadeling replay`."""

from collections.abc import Sequence
from typing import Any

import click

from datadeling.commands.context import print_json, print_table
from datadeling.db.tables.replays import PartitionProgress, ReplayRow
from datadeling.pipeline.tally import OUTCOMES, Tally, total

_MEANING = {
    "new": "there was no row",
    "changed": "the row was older, or differed",
    "unchanged": "the row's own message, and the row is right",
    "older": "a newer one, or a tombstone, is stored",
    "deleted": "a tombstone that had not been heeded",
    "failed": "cannot be read or stored",
}


def print_tally(tally: Tally, *, as_json: bool) -> None:
    """Print the outcomes of a dry run."""
    if as_json:
        print_json({"dry_run": True, **tally.as_dict()})
        return
    _print_tables(tally)
    click.echo("nothing has been written")


def print_totals(row: ReplayRow, partitions: Sequence[PartitionProgress], *, as_json: bool) -> None:
    """Print the outcomes of a replay from its beginning, however often it was resumed."""
    tally = total(Tally.from_dict(one.tally) for one in partitions)
    if as_json:
        print_json({**_as_dict(row), "partitions": [_place(one) for one in partitions], **tally.as_dict()})
        return
    _print_tables(tally)
    events = sum(one.events for one in partitions)
    click.echo(f"replay {row.id} {row.state}: {events} events from {len(partitions)} partitions")


def print_replays(rows: Sequence[ReplayRow], *, as_json: bool) -> None:
    """Print a list of replays."""
    if as_json:
        print_json([_as_dict(row) for row in rows])
        return
    columns = ("ID", "state", "where", "what", "by", "asked for", "ended", "error")
    print_table(
        columns,
        [
            (
                row.id,
                row.standing,
                "consumer" if row.background else "command",
                _what(row),
                row.requested_by,
                row.requested_at,
                row.finished_at,
                row.error,
            )
            for row in rows
        ],
    )


def _print_tables(tally: Tally) -> None:
    examples: dict[Any, list[str]] = {**tally.examples}
    print_table(
        ("messages", "", "which means", "for example"),
        [(o, tally.outcomes[o], _MEANING[o], "\n".join(examples.get(o, []))) for o in OUTCOMES],
    )
    if tally.columns:
        print_table(("column", "avtaler in which it changed"), tally.columns.most_common())


def _as_dict(row: ReplayRow) -> dict[str, Any]:
    return {**row._asdict(), "state": row.standing}


def _place(one: PartitionProgress) -> dict[str, int]:
    numbers = one._asdict()
    del numbers["tally"], numbers["updated_at"]
    return numbers


def _what(row: ReplayRow) -> str:
    """Return the range in the form of the options."""
    parts = [f"--from-offset {p}:{n}" for p, n in (row.from_offsets or {}).items()]
    parts += [f"--from-time {row.from_time.isoformat()}"] if row.from_time else []
    parts += [f"--avtale {row.avtale_id}"] if row.avtale_id else []
    parts = parts or ["--from-beginning"]
    parts += [f"--to-offset {p}:{n}" for p, n in (row.to_offsets or {}).items()]
    parts += [f"--to-time {row.to_time.isoformat()}"] if row.to_time else []
    return " ".join(parts + ([f"--rate {row.rate}"] if row.rate else []))
