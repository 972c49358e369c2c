"""Show a site on this machine: plain files over HTTP, on the loopback address only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.site.files import MARKER

HOST = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Serve files, and say nothing on the terminal."""

    def end_headers(self) -> None:
        """Add what keeps a browser from guessing types and from keeping old files."""
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[tuple[ThreadingHTTPServer, str]]:
    """Offer a site on the loopback address; yield the server and the address of its index.

    Args:
        folder: The site.
        port: Port; 0 for any free one.

    Raises:
        UsageError: The folder is no site.
    """
    if not (folder / MARKER).is_file():
        raise UsageError(
            "is no board",
            where=str(folder),
            expected="a folder that joulemark board wrote",
            fix="Build one: joulemark board PATH --out site",
        )
    server = ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(folder)))
    try:
        yield server, f"http://{HOST}:{server.server_port}/index.html"
    finally:
        server.server_close()
