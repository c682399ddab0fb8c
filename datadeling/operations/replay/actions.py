"""Replays, as an operator asks for them and stops them: each deed with its record."""

from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.request import Request


def ask_for(jobs: Jobs, request: Request, action: OperatorAction, *, background: bool) -> int:
    """Keep what is asked for, and say its id. In the background a consumer takes it up within seconds."""
    replay = jobs.add(
        request,
        action.who,
        action.reason,
        background=background,
        record=lambda tx, replay: action.record(tx, "replay", _target(replay)),
    )
    action.log("replay", _target(replay))
    return replay


def cancel(jobs: Jobs, replay: int, action: OperatorAction) -> None:
    """Stop one for good, wherever it runs. Raise `NotFound`, or `TooLate` when it has ended."""
    jobs.cancel(replay, lambda tx, replay: action.record(tx, "replay --cancel", _target(replay)))
    action.log("replay --cancel", _target(replay))


def _target(replay: int) -> str:
    return f"replay {replay}"
