"""`python -m benchmarks.bare PORT WORKERS`: a bare Flask route under the same gunicorn worker as ours.

Lookups are held against it: a POST that is answered with the same bytes each time, and nothing done.
"""

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402 (patched first)

import click  # noqa: E402
from flask import Flask, Response, request  # noqa: E402
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # noqa: E402

from datadeling.api.server import ServerLog  # noqa: E402
from datadeling.api.worker import Worker  # noqa: E402

PATH = "/bare"
_ANSWER = b'{"bare":"' + 500 * b"x" + b'"}'  # as long as an answer with one avtale


def app() -> Flask:
    """Return the application: one route."""
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
        settings = {
            "bind": f"127.0.0.1:{self._port}",
            "backlog": 2_048,
            "worker_class": "gthread" if self._stock else Worker,
            "workers": self._workers,
            "threads": 6 if self._stock else 1,
            "logger_class": ServerLog,
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
