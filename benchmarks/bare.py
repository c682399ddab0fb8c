"""`python -m benchmarks.bare PORT WORKERS`: a bare Flask route, under the same gunicorn as ours.

What lookups are held against: a POST that is answered with bytes made once, and nothing done. With `--stock`
by gunicorn's own threads, of which there are as many, and not by ours.
"""

import logging

import click
from flask import Flask, Response, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from datadeling.api.balance import Balance
from datadeling.api.server import THREADS, ServerLog
from datadeling.api.worker import Worker

PATH = "/bare"
_ANSWER = b'{"bare":"' + 500 * b"x" + b'"}'  # as long as what is told of one avtale


def app() -> Flask:
    """The application: one route."""
    bare = Flask("bare", static_folder=None)

    @bare.post(PATH)
    def answer() -> Response:
        request.get_data()
        return Response(_ANSWER, mimetype="application/json")

    return bare


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, port: int, workers: int, *, stock: bool) -> None:
        self._port, self._workers, self._stock = port, workers, stock
        super().__init__()

    def load_config(self) -> None:
        balance = Balance()
        settings = {
            "bind": f"127.0.0.1:{self._port}",
            "backlog": 2_048,
            "worker_class": "gthread" if self._stock else Worker,
            "workers": self._workers,
            "threads": THREADS,
            "logger_class": ServerLog,
            "pre_fork": balance.pre_fork,
            "child_exit": balance.child_exit,
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return app()


@click.command()
@click.argument("port", type=int)
@click.argument("workers", type=int)
@click.option("--stock", is_flag=True)
def main(port: int, workers: int, stock: bool) -> None:  # noqa: FBT001 (click)
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.WARNING)
    _Server(port, workers, stock=stock).run()


if __name__ == "__main__":
    main()
