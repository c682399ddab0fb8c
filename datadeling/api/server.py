"""The API as processes: gunicorn with threads, one application and one pool of connections per worker."""

import socket
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]
from prometheus_client.multiprocess import mark_process_dead

from datadeling.api.app import POOL, create_app
from datadeling.api.balance import Balance
from datadeling.api.worker import Worker
from datadeling.config import ApiConfig
from datadeling.db.pool import pool_conninfo
from datadeling.errors import ConfigError

THREADS = 6  # per worker: one for what is quick, the others for what is not; as many connections, at most

_GRACE = 6  # seconds that calls in hand get after SIGTERM: more than a lookup can take
_BACKLOG = 2_048


def run_api(config: ApiConfig) -> None:
    """Serve until SIGTERM, then finish the calls in hand and exit with 0, within 10 s.

    Needs `metrics_directory`, and the log configured. Raise `ConfigError` when the port is taken or `DB_URL`
    cannot be read. Otherwise it ends with `SystemExit`: here, and in each worker when that one ends.
    """
    pool_conninfo(config.db_url)  # here, once, and not in every worker
    _Server(config, _listen(config.port)).run()


def _listen(port: int) -> socket.socket:
    """A bound socket: gunicorn itself would try for 5 s, with two lines each time."""
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
    """gunicorn, told all it needs here: it reads no file and no arguments."""

    def __init__(self, config: ApiConfig, listener: socket.socket) -> None:
        self._config = config
        self._listener = listener.detach()
        self._balance = Balance()  # before the fork: the workers share it
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._listener}",
            "backlog": _BACKLOG,
            "worker_class": Worker,
            "workers": self._config.workers,
            "threads": THREADS,
            "graceful_timeout": _GRACE,
            "logger_class": ServerLog,
            "control_socket_disable": True,  # else a socket in the home directory takes commands
            "pre_fork": self._balance.pre_fork,
            "child_exit": self._child_exit,
            "worker_exit": lambda _, worker: _close_pool(worker),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def _child_exit(self, arbiter: object, worker: ThreadWorker) -> None:
        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
        self._balance.child_exit(arbiter, worker)

    def load(self) -> Flask:
        """Called in each worker."""
        return create_app(self._config, connections=THREADS)


class ServerLog(Logger):  # type: ignore[misc]
    """gunicorn's log by way of ours. No access log: addresses are logged nowhere."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401
        """Leave the writing to the root logger."""
        self.cfg = cfg
        self.error_log.propagate = True
        self._access_log_enabled = False


def _close_pool(worker: ThreadWorker) -> None:
    application = getattr(worker, "wsgi", None)  # None when the worker never got that far
    if isinstance(application, Flask):
        application.extensions[POOL].close()
