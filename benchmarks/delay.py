"""A way to the database that makes every statement take longer."""

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Delay:
    """Passes bytes on to the server of `url`, by `self.url`, and keeps every request back for some seconds.

    A request is what a client sends after it has been answered, in however many pieces.
    """

    def __init__(self, url: str, seconds: float) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 5_432)
        self._seconds = seconds
        self._never = Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        self.url = urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, server]
                answered = Event()
                Thread(target=self._requests, args=(client, server, answered), daemon=True).start()
                Thread(target=self._answers, args=(server, client, answered), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket, answered: Event) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if answered.is_set():
                    answered.clear()
                    self._never.wait(self._seconds)
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _answers(self, server: socket.socket, client: socket.socket, answered: Event) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                answered.set()
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
