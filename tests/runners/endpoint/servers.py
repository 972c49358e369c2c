"""Stand-ins for LLM servers, each with the dialect of a real one, on 127.0.0.1.

Every reply consists of the words of `ANSWER`; a prompt that begins with the name of a fault gets
that fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

ANSWER = ("The", " capital", " is", " Paris", ".")


def _event(text: str, **more: Any) -> bytes:
    """One event of a chat, its text as JSON writes it."""
    fields = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in more.items())
    choice = f'{{"index":0,"delta":{{"content":"{text}"}}}}'
    return f'data: {{"choices":[{choice}]{fields}}}\n\n'.encode()


END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
ODD_STREAMS = {
    "halves": _event("Paris \\ud83d") + _event("\\ude00") + _event(" \\ud83d") + END,
    "latin": _event("Paris").replace(b"Paris", b"Par\xeds") + END,
    "nulls": _event("Paris", error=None, usage=None) + END,
    "usage": _event("Paris", usage={"completion_tokens": 1, "prompt_tokens": 7})
    + END
    + b'data: {"choices":[],"usage":{}}\n\n',
    "absurd": _event("Paris", usage={"completion_tokens": -1, "prompt_tokens": 1e300}) + END,
    "zero": _event("Paris", usage={"completion_tokens": 0, "prompt_tokens": 7}) + END,
    "endless": b"data: " + b"x" * (1 << 21),
    "nested": b"data: " + b"[" * 100_000 + b"\n\n" + END,
    "half-error": b'data: {"error":{"message":"\\ud83d broke"}}\n\n',
    "html": b"<html>busy</html>",
    "list": b'data: []\n\ndata: 7\n\ndata: {"choices":[7]}\n\n' + _event("Paris") + END,
}
"""What servers and proxies send that is off the path; by the prompt."""


@dataclass
class FakeServer:
    """One server.

    Attributes:
        dialect: vllm, sglang, llama-server, ollama, tgi or plain (no streaming).
        fragment_s: Time between fragments [s].
        busy: Requests refused with 429 before the first is answered.
        dies_after: Requests after which it is gone; 0 for never.
        back_after_s: Time after which it is there again [s]; 0 for never.
        tls: Certificate and key; None for plain HTTP.
        seen: Bodies of all requests.
        keys: Authorization headers of all requests.
    """

    dialect: str = "vllm"
    fragment_s: float = 0.002
    busy: int = 0
    dies_after: int = 0
    back_after_s: float = 0.0
    die: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    url: str = ""
    tls: ssl.SSLContext | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        self.keys.append(request.headers.get("Authorization"))
        if len(self.seen) == self.dies_after:
            self.die.set()
        if self.busy:
            self.busy -= 1
            return web.json_response({"error": {"message": "slow down"}}, status=429)
        prompt = body["messages"][0]["content"] if "messages" in body else body["prompt"]
        if prompt in ODD_STREAMS:
            return web.Response(body=ODD_STREAMS[prompt], content_type="text/event-stream")
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._answer(request, body)
        finally:
            self.in_flight -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        chat = "messages" in body
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        if prompt.startswith("refused"):
            return web.json_response({"error": {"message": "no such model"}}, status=404)
        if self.dialect == "plain":
            return self._whole_answer(prompt, chat)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        end = b"\r\n\r\n" if self.dialect == "sglang" else b"\n\n"
        head = b"data:" if self.dialect == "tgi" else b"data: "

        async def send(chunk: dict[str, Any]) -> None:
            await response.write(head + json.dumps(chunk).encode() + end)

        for number, word in enumerate(ANSWER):
            await asyncio.sleep(5 if prompt.startswith("silent") else self.fragment_s)
            if self.dialect == "ollama" and number == 1:
                await response.write(b": keep-alive\n\n")
            if number == 2 and prompt.startswith("dropped"):
                assert request.transport is not None
                request.transport.close()
                return response
            if number == 2 and prompt.startswith("broken"):
                await send({"error": {"message": "out of memory"}})
                return response
            await send({"choices": [self._choice(chat, self._field(number), word)]})
        last: dict[str, Any] = {
            "choices": [self._choice(chat, "content", "") | {"finish_reason": "stop"}]
        }
        if self.dialect == "tgi":
            last["usage"] = self._usage()
        await send(last)
        if self.dialect != "tgi":
            await send({"choices": [], "usage": self._usage()})
            await response.write(b"data: [DONE]" + end)
        return response

    def _whole_answer(self, prompt: str, chat: bool) -> web.Response:
        garbled = prompt.startswith("garbled")
        body = b"\xff{" if garbled else json.dumps(self._document(chat)).encode()
        return web.Response(body=body, content_type="application/json")

    def _field(self, number: int) -> str:
        """Name of the text: SGLang sends reasoning apart."""
        is_reasoning = self.dialect == "sglang" and number == 0
        return "reasoning_content" if is_reasoning else "content"

    def _choice(self, chat: bool, key: str, text: str) -> dict[str, Any]:
        return {"index": 0, "delta": {key: text}} if chat else {"index": 0, "text": text}

    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": 7, "completion_tokens": len(ANSWER)}

    def _document(self, chat: bool) -> dict[str, Any]:
        text = "".join(ANSWER)
        body = {"message": {"content": text}} if chat else {"text": text}
        return {"choices": [body | {"finish_reason": "stop"}], "usage": self._usage()}


@contextlib.contextmanager
def serve(server: FakeServer) -> Iterator[FakeServer]:
    """Run a server in a thread of its own."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    runner: list[web.AppRunner] = []
    keeper: list[asyncio.Task[None]] = []

    async def end() -> None:
        """Stop, and end what was accepted meanwhile, as the end of a process does."""
        await runner[0].cleanup()
        await asyncio.sleep(0.02)
        transports = loop._transports  # type: ignore[attr-defined]
        for transport in list(transports.values()):
            transport.abort()
        await asyncio.sleep(0)

    async def start() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", server.handle)
        app.router.add_post("/v1/completions", server.handle)
        runner.append(web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True))
        await runner[0].setup()
        site = web.TCPSite(runner[0], "127.0.0.1", 0, ssl_context=server.tls)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        scheme = "https" if server.tls else "http"
        server.url = f"{scheme}://127.0.0.1:{port}"
        started.set()
        if server.dies_after:
            await server.die.wait()
            await end()
        if server.back_after_s:
            await asyncio.sleep(server.back_after_s)
            runner[0] = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
            await runner[0].setup()
            await web.TCPSite(runner[0], "127.0.0.1", port).start()

    def run() -> None:
        keeper.append(loop.create_task(start()))
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
