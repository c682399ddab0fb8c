"""structlog, as JSON (one object a line, for the platform's log store) or as text for people.

Our code never logs a value from a message. A fnr in a text from a library is masked: eleven digits in a row
never reach the output.
"""

import logging
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from datadeling.config import LogFormat

_ELEVEN_DIGITS = re.compile(r"(?<!\d)\d{11}(?!\d)")
_UUID = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
_AS_WRITTEN = re.compile(rf"({_UUID})|\d{{6,}}[\s.-]?\d{{5,}}", re.IGNORECASE)
_MASK = "***********"
_FRAMES = 5


def configure_logging(log_format: LogFormat, processors: Sequence[Processor] = ()) -> None:
    """Send our log and that of every library to standard error. The `processors` run first."""
    shared: list[Processor] = [
        *processors,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_personal_numbers,
    ]
    renderers: list[Processor] = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    if log_format == "json":
        rename = structlog.processors.EventRenamer("message")
        renderers = [rename, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    for_all = [ProcessorFormatter.remove_processors_meta, *renderers]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ProcessorFormatter(foreign_pre_chain=shared, processors=for_all))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # When writing a line fails, logging would print the whole traceback, texts of libraries included.
    logging.raiseExceptions = False
    logging.getLogger("yoyo").setLevel(logging.WARNING)


def mask_personal_numbers(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace every run of exactly eleven digits in an event, nested values included."""
    return {key: _masked(value) for key, value in event.items()}


def masked_prose(text: str) -> str:
    """Mask identity numbers in free text, also those in two parts or with more digits. UUIDs stay."""
    return _AS_WRITTEN.sub(lambda found: found[1] or _MASK, text)


def frames(error: BaseException) -> list[str]:
    """Return the innermost frames of an error as `file:line`, without its text, which may quote values."""
    found = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in found]


def _masked(value: Any) -> Any:  # noqa: ANN401 (a log value is whatever the caller passed)
    match value:
        case str():
            return _ELEVEN_DIGITS.sub(_MASK, value)
        case int() if _ELEVEN_DIGITS.fullmatch(str(value)):
            return _MASK
        case dict():
            return {_masked(key): _masked(item) for key, item in value.items()}
        case list() | tuple():
            return [_masked(item) for item in value]
        case _:
            return value
