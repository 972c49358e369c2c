"""A site on this machine is offered to this machine, file by file."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.site.files import MARKER
from harness.site.server import serving


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A served site of a few files, one of which leads out of it."""
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    (site / MARKER).write_text("{}")
    (site / "index.html").write_text("<p>index")
    (site / "assets" / "a.css").write_text("p {}")
    (tmp_path / "secret").write_text("secret")
    (site / "assets" / "link").symlink_to(tmp_path / "secret")
    (site / "linked").symlink_to(tmp_path)
    with serving(site) as (server, _):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def status(port: int, path: str, host: str = "127.0.0.1", *, states_port: bool = True) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{port}" if states_port else host})
        return connection.getresponse().status
    finally:
        connection.close()


def test_files_of_the_site_are_served_to_this_machine(port: int) -> None:
    paths = ("/", "/index.html", "/assets/a.css", "/index.html?x=1")
    assert [status(port, path) for path in paths] == [200, 200, 200, 200]
    assert status(port, "/index.html", "localhost") == 200
    assert status(port, "/index.html", "localhost", states_port=False) == 200  # as for port 80


@pytest.mark.parametrize(
    "path",
    ["/assets/link", "/linked/secret", "/assets/", "/../secret", "/%2e%2e/secret", "/no\0", "/no"],
)
def test_nothing_else_is_served(path: str, port: int) -> None:
    assert status(port, path.replace("\0", "%00")) == 404


@pytest.mark.parametrize("host", ["attacker.example", "", "127.0.0.1.attacker.example"])
def test_a_page_of_another_name_gets_nothing(host: str, port: int) -> None:
    assert status(port, "/index.html", host) == 421
