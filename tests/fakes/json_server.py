"""A small HTTP server on 127.0.0.1 whose answers are functions of the request."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["JsonHandler"], Any]


class JsonHandler(BaseHTTPRequestHandler):
    """Answers a path with what its function returns: JSON, or text, or a status and headers."""

    protocol_version = "HTTP/1.1"
    answers: Mapping[str, Answer] = {}

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        answer = self.answers.get(self.path)
        result = (404, {}, "") if answer is None else answer(self)
        status, headers, document = result if isinstance(result, tuple) else (200, {}, result)
        content = document if isinstance(document, str) else json.dumps(document)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())


class QuietServer(ThreadingHTTPServer):
    """A server that says nothing of clients that went away."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Stay silent."""


def serve(answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    """Start a server; it ends with the process, or by `shutdown` and `server_close`."""
    handler = type("Handler", (JsonHandler,), {"answers": answers})
    server = QuietServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@contextlib.contextmanager
def json_server(answers: Mapping[str, Answer], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve answers while the block lasts, and give the port."""
    server = serve(answers, tls)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
