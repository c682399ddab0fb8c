"""`datadeling serve`: gunicorn with gevent workers, each with one application and one pool of connections."""

import gc
import socket
import sys
from typing import Any

import structlog
from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from prometheus_client.multiprocess import mark_process_dead

from datadeling.api.app import POOL, create_app
from datadeling.api.worker import KEEPALIVE, Worker
from datadeling.config import ApiConfig
from datadeling.db.pool import pool_conninfo
from datadeling.errors import ConfigError
from datadeling.log import frames

CONNECTIONS = 6  # to the database, for each worker

_GRACE = 8  # seconds that requests get after SIGTERM: more than a lookup can take
_BACKLOG = 2_048

log = structlog.get_logger(__name__)


def run_api(config: ApiConfig) -> None:
    """Serve until SIGTERM, then finish the requests in hand and exit with 0, within 10 s.

    Needs `metrics_directory`, a configured log, and the standard library patched by gevent. Raises
    `ConfigError` when the port is taken or `DB_URL` cannot be read. Otherwise it ends with `SystemExit`, here
    and in each worker.
    """
    pool_conninfo(config.db_url)  # fail here, once, and not in every worker
    _Server(config, _listen(config.port)).run()


def _listen(port: int) -> socket.socket:
    """Return a bound socket. gunicorn itself would try for 5 s, with two log lines each time."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("0.0.0.0", port))  # noqa: S104 (the pod's network is the border)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise ConfigError(f"PORT: port {port} cannot be opened") from None
    return listener


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured here alone: it reads no file and no arguments."""

    def __init__(self, config: ApiConfig, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener.detach()
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._listener}",
            "backlog": _BACKLOG,
            "worker_class": Worker,
            "workers": self._config.workers,
            "keepalive": KEEPALIVE,
            "graceful_timeout": _GRACE,
            "logger_class": ServerLog,
            "control_socket_disable": True,  # else a socket in the home directory takes commands
            "child_exit": _forget_metrics,
            "worker_exit": _close_pool,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Create the application, in each worker."""
        application = create_app(self._config, connections=CONNECTIONS)
        gc.freeze()  # what lives as long as the worker; collecting it doubled the p99 of lookups
        return application


class ServerLog(Logger):  # type: ignore[misc]
    """gunicorn's log, written by ours. There is no access log: addresses are logged nowhere."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 (gunicorn has no types)
        """Leave the writing to the root logger."""
        self.cfg = cfg
        self.error_log.propagate = True
        self._access_log_enabled = False

    def exception(self, msg: str, *_: object, **__: object) -> None:
        """Log where an error happened, without its text, which may quote what was sent."""
        error = sys.exception()
        at = frames(error) if error else None
        log.error("server_error", doing=msg, error=type(error).__name__, at=at)


def _forget_metrics(_: object, worker: Any) -> None:  # noqa: ANN401
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def _close_pool(_: object, worker: Any) -> None:  # noqa: ANN401
    application = getattr(worker, "wsgi", None)  # None when the worker never got that far
    if isinstance(application, Flask):
        application.extensions[POOL].close()
