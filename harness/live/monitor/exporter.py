"""Serve a text over HTTP, for Prometheus to scrape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.core.errors import UsageError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format (exposition formats, text-based format)."""
PATH = "/metrics"
POLL_INTERVAL_S = 0.1
"""Time between two looks at whether to stop [s]."""
TIMEOUT_S = 10.0
"""How long a client may take to send its request [s]."""


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of the one path."""

    timeout = TIMEOUT_S
    server_version, sys_version = "joulemark", ""
    text: Callable[[], str]

    def do_GET(self) -> None:
        """Answer with the text as it is now."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the header only."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, f"see {PATH}")
            return
        body = self.text().encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: a scrape every few seconds is no news."""


@contextmanager
def exported(text: Callable[[], str], host: str, port: int) -> Iterator[str]:
    """Serve a text while the block runs.

    Args:
        text: Returns the text; called for each request, in a thread of its own.
        host: Address to listen on.
        port: Port; 0 for any that is free.

    Yields:
        The URL.

    Raises:
        UsageError: The address cannot be used.
    """
    handler = type("Handler", (_Handler,), {"text": staticmethod(text)})
    try:
        server = ThreadingHTTPServer((host, port), handler)
    except OSError as error:
        raise UsageError(
            f"cannot listen: {error.strerror or error}",
            where="--prometheus",
            got=f"{host}:{port}",
            fix="Choose another port.",
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(POLL_INTERVAL_S,), daemon=True)
    thread.start()
    try:
        shown_host = f"[{host}]" if ":" in host else host
        yield f"http://{shown_host}:{server.server_port}{PATH}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
