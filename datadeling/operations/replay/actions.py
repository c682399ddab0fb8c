"""Replays, as an operator asks for them and stops them: each deed with its record."""

from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.request import Request


def ask_for(jobs: Jobs, request: Request, asked: OperatorAction, *, background: bool) -> int:
    """Keep what is asked for, and say its id. In the background a consumer takes it up within seconds."""
    replay = jobs.add(
        request,
        asked.who,
        asked.reason,
        background=background,
        record=lambda tx, replay: asked.keep(tx, "replay", _target(replay)),
    )
    asked.tell("replay", _target(replay))
    return replay


def cancel(jobs: Jobs, replay: int, asked: OperatorAction) -> None:
    """Stop one for good, wherever it runs. Raise `NotFound`, or `TooLate` when it has ended."""
    jobs.cancel(replay, lambda tx, replay: asked.keep(tx, "replay --cancel", _target(replay)))
    asked.tell("replay --cancel", _target(replay))


def _target(replay: int) -> str:
    return f"replay {replay}"
