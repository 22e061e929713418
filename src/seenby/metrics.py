"""What `maillog` counts, for Prometheus, and whether this process lives and is ready, on a local port of its own.

Whatever fails here, mail and readers are served all the same.
"""

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from seenby import maillog
from seenby.settings import split_listen

_SLOW: Final = 5.0  # seconds that whoever asks may take, from connecting to the last byte read
_MOST: Final = 16  # who may ask at a time: each takes a thread and a file, and clients of the process need files too


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - socketserver's
        self._since: dict[Any, float] = {}
        super().__init__(*arguments, **options)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002 - socketserver's
        """Whether there is room for one more."""
        return len(self._since) < _MOST

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Answer in a thread."""
        self._since[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        """It is over."""
        self._since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Twice a second: cut off whose time is up."""
        late = time.monotonic() - _SLOW
        for request in [request for request, since in list(self._since.items()) if since < late]:
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, _request: Any, _client_address: Any) -> None:  # noqa: ANN401
        """Who leaves too early or asks too slowly is nothing to tell; socketserver would print their address."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            maillog.failed("metrics", error)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _SLOW

    def log_message(self, *_arguments: object) -> None:
        """Nothing: who looks at numbers is not logged."""


@contextlib.contextmanager
def served(
    listen: str, *, is_alive: Callable[[], bool], is_ready: Callable[[], bool], more: Sequence[Collector] = ()
) -> Iterator[int | None]:
    """`/metrics`, `/healthz` and `/readyz` at `listen` (host:port) for as long as this is open; gives the port.

    What `more` collects stands beside what the log counts. None when `listen` is empty, or when the port cannot be
    had, which is logged and stops nothing.
    """
    numbers = CollectorRegistry(auto_describe=False)
    for collector in (REGISTRY, *more):
        numbers.register(collector)
    server = _open(listen, _app(make_wsgi_app(numbers), is_alive, is_ready)) if listen else None
    if server is None:
        yield None
        return
    maillog.process("metrics", port=server.server_port)
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _open(listen: str, app: Any) -> WSGIServer | None:  # noqa: ANN401 - a WSGI app
    host, port = split_listen(listen)
    kind = _Server6 if ":" in host else _Server
    try:
        return make_server(host, port, app, server_class=kind, handler_class=_Handler)
    except OSError as error:
        maillog.no_metrics(listen, error)
        return None


def _app(numbers: Any, is_alive: Callable[[], bool], is_ready: Callable[[], bool]) -> Any:  # noqa: ANN401 - WSGI apps
    questions = {"/healthz": is_alive, "/readyz": is_ready}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return numbers(environ, start_response)  # type: ignore[no-any-return]
        question = questions.get(path)
        if question is None:
            status, said = "404 Not Found", b"/metrics, /healthz and /readyz are here.\n"
        elif question():
            status, said = "200 OK", b"ok\n"
        else:
            status, said = "503 Service Unavailable", b"no\n"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(said)))])
        return [said]

    return app
