"""Show a site on this machine: plain files over HTTP, on the loopback address only."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

from harness.core.errors import UnreadableError, UsageError
from harness.core.files import path_inside
from harness.site.files import MARKER

HOST = "127.0.0.1"
LOCAL_NAMES = (HOST, "localhost")


class _Handler(SimpleHTTPRequestHandler):
    """Serve the files of a site, and say nothing on the terminal.

    A site may come from anyone: no link in it is followed, and no folder is listed. A page of
    another name that resolves to this machine gets nothing (DNS rebinding).
    """

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Open what is asked for, where it is a file of the site."""
        host = self.headers.get("Host", "").partition(":")[0]  # browsers leave out port 80
        if host not in LOCAL_NAMES:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        folder, path = Path(self.directory), Path(self.translate_path(self.path))
        if not _is_of_site(folder, path):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        """List nothing."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """Add what keeps a browser from guessing types and from keeping old files."""
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def _is_of_site(folder: Path, path: Path) -> bool:
    """Whether a path is there, below the folder, and behind no link."""
    try:
        path_inside(folder, path.relative_to(folder).as_posix())
    except (UnreadableError, ValueError):
        return False
    return path.exists()  # False for a name that no file can have


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
    server = ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(folder.absolute())))
    try:
        yield server, f"http://{HOST}:{server.server_port}/index.html"
    finally:
        server.server_close()
