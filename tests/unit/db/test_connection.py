"""Errors of the driver become what the caller must do, without the driver's text."""

import psycopg
import pytest
from psycopg import errors

from datadeling.db.connection import conninfo, translated
from datadeling.errors import ConfigError, DatabaseBug, DatabaseUnavailable, Locked, UnstorableRow

SECRET = "Key (deltaker_fnr)=(01890100150) already exists"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        pytest.param(errors.AdminShutdown, DatabaseUnavailable, id="57 shutting down"),
        pytest.param(errors.DeadlockDetected, DatabaseUnavailable, id="40 deadlock"),
        pytest.param(errors.DiskFull, DatabaseUnavailable, id="53 disk full"),
        pytest.param(errors.LockNotAvailable, Locked, id="55P03 lock timeout"),
        pytest.param(errors.ObjectInUse, DatabaseUnavailable, id="55"),
        pytest.param(errors.ConnectionException, DatabaseUnavailable, id="08"),
        pytest.param(errors.IdleInTransactionSessionTimeout, DatabaseUnavailable, id="25P03 idle too long"),
        pytest.param(errors.TransactionTimeout, DatabaseUnavailable, id="25P04 too long"),
        pytest.param(psycopg.OperationalError, DatabaseUnavailable, id="no connection"),
        pytest.param(psycopg.InterfaceError, DatabaseUnavailable, id="connection closed"),
        pytest.param(errors.NumericValueOutOfRange, UnstorableRow, id="22"),
        pytest.param(errors.CheckViolation, UnstorableRow, id="23"),
        pytest.param(errors.ProgramLimitExceeded, UnstorableRow, id="54 is an OperationalError, too"),
        pytest.param(psycopg.DataError, UnstorableRow, id="refused by the driver"),
        pytest.param(errors.UniqueViolation, DatabaseBug, id="23505 is a race that cannot be"),
        pytest.param(errors.UndefinedTable, DatabaseBug, id="42"),
        pytest.param(errors.ReadOnlySqlTransaction, DatabaseUnavailable, id="25006 a standby"),
        pytest.param(psycopg.ProgrammingError, DatabaseBug, id="misuse"),
    ],
)
def test_translation(raised: type[psycopg.Error], expected: type[Exception]) -> None:
    with pytest.raises(expected) as error, translated():
        raise raised(SECRET)
    assert error.type is expected
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    "url", ["postgresql://u:hemmelig@h/d?nosuch=hemmelig", "postgresql://u:%zz@h/hemmelig"]
)
def test_an_invalid_url_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^DB_URL") as error:
        conninfo(url, options="", application="x")
    assert "hemmelig" not in str(error.value)


def test_settings_in_the_url_are_kept() -> None:
    info = conninfo(
        "postgresql://u:p@h/d?sslmode=require&options=-c%20work_mem%3D1MB", options="-c a=b", application="x"
    )
    assert "sslmode=require" in info
    assert "-c a=b -c work_mem=1MB" in info
    assert "application_name=x" in info
    assert "connect_timeout=5" in info


def test_a_lock_timeout_counts_as_unavailable() -> None:
    assert issubclass(Locked, DatabaseUnavailable)
