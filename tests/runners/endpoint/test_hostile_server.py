"""A server that means harm costs its own requests: no traceback, no hang, no disk filled."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="pip install 'joulemark[endpoint]'")

from harness.core.errors import UnreadableError
from harness.core.printable import printable
from harness.runners.endpoint import client
from harness.runners.endpoint.events import EVENTS, Request, read_events
from harness.runners.endpoint.load_process import load_server
from harness.runners.endpoint.runner import QUESTIONS, Point, derive, endpoint_facts, work

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n\r\n"
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
MARKUP = "\x1b[31m\0<script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}"
TIMEOUT_S = 0.3
AMPLE_S = 60.0
"""For what ends by itself, on a busy machine too [s]."""

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def event(text: str, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text}}
    return b"data: " + json.dumps({"choices": [choice], **more}).encode() + b"\n\n"


def once(*parts: bytes) -> Answer:
    """Send some bytes, and close."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(parts))
        await writer.drain()

    return answer


def endless(head: bytes, part: bytes) -> Answer:
    """Send a head, then the same part until the client has gone."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(part)
            await writer.drain()

    return answer


def gzip_bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(mebibytes)) + packer.flush()


def load(folder: Path, answer: Answer, count: int = 1, timeout_s: float = AMPLE_S) -> list[bytes]:
    """Play a load against a server that answers each request in one way; return its headers."""
    headers: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).strip():
                headers.append(line)
            await answer(writer)
        except (ConnectionError, OSError):
            pass
        finally:
            writer.close()

    async def play() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        await load_server(job, folder, f"http://127.0.0.1:{port}")
        server.close()

    question = {"id": "a", "prompt": "France?", "answer": "Paris", "max_tokens": 16}
    (folder / QUESTIONS).write_text(json.dumps(question) + "\n", "utf-8")
    job = {
        "model": "m",
        "api": "chat",
        "timeout_s": timeout_s,
        "parameters": {},
        "verify_tls": True,
        "questions": QUESTIONS,
        "load": {"kind": "concurrency", "value": 1, "count": count},
        "seed": 1,
        "warm_up": 0,
        "give_up_after_s": 60.0,
    }
    asyncio.run(play())
    return headers


def answered(folder: Path, *parts: bytes) -> Point:
    load(folder, once(*parts))
    return derive(folder)


def request_of(folder: Path) -> Request:
    (request,) = read_events((folder / EVENTS).read_bytes()).requests
    return request


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.runners.endpoint.load_process.RETRY_WAIT_S", 0.0)


IN_TIME = f"no complete reply in {TIMEOUT_S:g} s"
HARMFUL: dict[str, tuple[Answer, str]] = {
    "comments without end": (endless(STREAM + CLOSE, b": x\n" * 1000), IN_TIME),
    "events without text": (endless(STREAM + CLOSE, b"data: {}\n\n" * 1000), IN_TIME),
    "interim responses without end": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), IN_TIME),
    "fragments without end": (endless(STREAM + CLOSE, event("x") * 100), "does not end"),
    "headers without end": (endless(STREAM, b"X-a: " + b"b" * 99 + b"\r\n"), "Too many headers"),
    "a header line without end": (endless(STREAM + b"X-a: ", b"b" * 999), "8190 bytes"),
    "trailers without end": (
        endless(STREAM + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"0\r\n", b"X: y\r\n" * 99),
        "Too many headers",
    ),
    "a chunk of endless length": (
        once(STREAM, b"Transfer-Encoding: chunked\r\n", CLOSE, b"f" * 20, b"\r\nx"),
        "Chunk size",
    ),
    "a negative length": (once(STREAM, b"Content-Length: -5\r\n", CLOSE, b"x"), "Content-Length"),
    "no HTTP": (once(b"data: {}\r\n\r\n"), "Bad status line"),
    "nothing": (once(), "disconnected"),
    "a packed stream": (
        once(STREAM, b"Content-Encoding: gzip\r\n", CLOSE, gzip_bomb(64)),
        "compressed (gzip)",
    ),
    "a packed document": (
        once(JSON, b"Content-Encoding: deflate\r\n", CLOSE, b"x"),
        "compressed (deflate)",
    ),
    "a redirection to a file": (
        once(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n", CLOSE),
        "HTTP 302",
    ),
    "a redirection to another host": (
        once(b"HTTP/1.1 307 Moved\r\nLocation: http://other.invalid/\r\n", CLOSE),
        "HTTP 307",
    ),
    "markup in a refusal": (
        once(b"HTTP/1.1 500 No\r\n", CLOSE, MARKUP.encode()),
        "<script>",
    ),
    "markup in an error": (
        once(STREAM, CLOSE, b'data: {"error":{"message":', json.dumps(MARKUP).encode(), b"}}\n\n"),
        "<script>",
    ),
    "an error of many levels": (
        once(STREAM, CLOSE, b'data: {"error":' + b"[" * 900 + b"]" * 900 + b"}\n\n"),
        "the server: [[[",
    ),
    "a number of 5000 digits": (
        once(STREAM, CLOSE, b'data: {"usage":{"completion_tokens":' + b"9" * 5000 + b"}}\n\n"),
        "not JSON",
    ),
}


@pytest.mark.parametrize(("answer", "message"), HARMFUL.values(), ids=HARMFUL.keys())
def test_a_harmful_reply_fails_with_a_reason_on_one_line(
    answer: Answer, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_FRAGMENTS", 1000)
    load(tmp_path, answer, timeout_s=TIMEOUT_S if message == IN_TIME else AMPLE_S)
    request = request_of(tmp_path)
    assert request.failed
    assert message in request.errors[-1]
    assert printable(request.errors[-1]) == request.errors[-1]
    assert (tmp_path / EVENTS).stat().st_size < 1 << 18
    with pytest.raises(UnreadableError, match="no request was answered"):
        derive(tmp_path)


def test_no_cookie_is_kept_and_no_packed_reply_is_asked_for(tmp_path: Path) -> None:
    cookie = b"Set-Cookie: a=b; Path=/\r\n"
    headers = load(tmp_path, once(STREAM, cookie, CLOSE, event("Paris"), END), count=2)
    assert headers.count(b"Accept-Encoding: identity") == 2
    assert not [line for line in headers if line.startswith(b"Cookie")]


@pytest.mark.parametrize("reason", ["\\ud800", "x" * 1000, "\\u001b[31m\\u0000"])
def test_a_strange_finish_reason_becomes_a_short_word(reason: str, tmp_path: Path) -> None:
    choice = f'{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}'
    answered(
        tmp_path, STREAM, CLOSE, event("Paris"), f'data: {{"choices":[{choice}]}}\n\n'.encode()
    )
    found = request_of(tmp_path).finish_reason
    assert found
    assert len(found) <= client.MAX_REASON_CHARS
    assert printable(found) == found


@pytest.mark.parametrize(
    "usage",
    [
        {"completion_tokens": 2**52},
        {"completion_tokens": -1},
        {"completion_tokens": "5"},
        {"completion_tokens": [5]},
        {"completion_tokens": True},
        {"completion_tokens": 5.0, "prompt_tokens_details": 7},
        [5],
    ],
    ids=str,
)
def test_a_count_that_is_none_leaves_the_fragments(usage: Any, tmp_path: Path) -> None:
    point = answered(tmp_path, STREAM, CLOSE, event("Par"), event("is", usage=usage), END)
    assert (work(point).count, work(point).unit) == (2.0, "token")


def test_more_tokens_than_were_asked_for_are_stated(tmp_path: Path) -> None:
    usage = {"completion_tokens": 17}
    point = answered(tmp_path, STREAM, CLOSE, event("Paris", usage=usage), END)
    assert point.beyond_limit == 1
    assert endpoint_facts(point)["beyond_limit"] == 1


def test_as_many_tokens_as_were_asked_for_are_not(tmp_path: Path) -> None:
    usage = {"completion_tokens": 16}
    point = answered(tmp_path, STREAM, CLOSE, event("Paris", usage=usage), END)
    assert "beyond_limit" not in endpoint_facts(point)


def test_a_reply_is_stored_as_it_came(tmp_path: Path) -> None:
    """Control characters and markup are the text of the reply; what shows it escapes it."""
    point = answered(tmp_path, STREAM, CLOSE, event(MARKUP), END)
    assert point.events.requests[0].text == MARKUP
