"""The log line about an unexpected error that ends the consumer."""

import pytest
from structlog.testing import capture_logs

from datadeling.consumer.process import _errors_logged
from datadeling.errors import ConfigError, DatabaseUnavailable


def test_an_unexpected_error_is_logged_by_its_frames_and_without_its_text() -> None:
    with capture_logs() as lines, pytest.raises(SystemExit) as ended, _errors_logged():
        raise ValueError("12345678901")
    assert ended.value.code == 1
    (line,) = lines
    at = line.pop("at")
    assert line == {"event": "consumer_failed", "error": "ValueError", "log_level": "error"}
    assert at[-1].startswith("test_process.py:")


def test_an_error_of_ours_is_logged_and_goes_on_to_the_command_line() -> None:
    with capture_logs() as lines, pytest.raises(DatabaseUnavailable), _errors_logged():
        raise DatabaseUnavailable("gone")
    assert [line["error"] for line in lines] == ["DatabaseUnavailable"]


def test_an_invalid_setting_is_left_to_the_command_line() -> None:
    with capture_logs() as lines, pytest.raises(ConfigError), _errors_logged():
        raise ConfigError("DB_URL: is missing")
    assert lines == []
