"""Anchors bind journals from outside while a run goes on."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from harness.live.anchor import AnchorFailed
from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.signing.anchors import check_anchors


def record(tmp_path: Path, anchor: str) -> Path:
    settings = Settings(out=tmp_path / "runs", meters=("estimator",), idle_s=(0, 0), anchor=anchor)
    plan = plan_command((sys.executable, "-c", "import time; time.sleep(1.5)"), settings, name="w")
    (recorded,) = measure(plan)
    return recorded.folder


def test_anchors_name_links_of_the_journal_and_the_plan(tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    folder = record(tmp_path, str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["journal"] for line in lines[:1]] == ["plan.json"]
    held = check_anchors(tmp_path / "runs", file)
    assert held.held.count == len(lines) >= 2
    assert held.missing == ()
    assert held.held.first == lines[0]["at"]
    facts = json.loads((folder / "run.json").read_bytes())["facts"]
    assert facts["anchors"] == lines[1:]


def test_a_journal_made_anew_does_not_hold(tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    folder = record(tmp_path, str(file))
    journal = folder / "samples" / "estimator.csv"
    journal.write_bytes(journal.read_bytes().replace(b"# chain: ", b"# chain: 0")[:-70])
    assert len(check_anchors(tmp_path / "runs", file).missing) >= 1


@pytest.fixture
def server() -> Iterator[tuple[str, list[bytes]]]:
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/", received
        http.shutdown()


def test_anchors_are_posted_to_an_address(server: tuple[str, list[bytes]], tmp_path: Path) -> None:
    address, received = server
    record(tmp_path, address)
    assert len(received) >= 2
    assert all(len(json.loads(line)["link"]) == 64 for line in received)


def test_an_anchor_that_cannot_be_set_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(AnchorFailed, match="cannot be written"):
        record(tmp_path, str(tmp_path / "no" / "such" / "folder"))


@pytest.mark.parametrize("address", ["http://[bad", "http://a b/"])
def test_an_address_that_is_none_is_named(address: str, tmp_path: Path) -> None:
    with pytest.raises(AnchorFailed, match="the anchor was not taken"):
        record(tmp_path, address)


def test_a_server_that_does_not_speak_http_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(b"hello\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(AnchorFailed, match="the anchor was not taken"):
            record(tmp_path, f"http://127.0.0.1:{server.getsockname()[1]}/")
