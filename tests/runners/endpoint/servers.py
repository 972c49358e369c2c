"""Stand-ins for LLM servers, each with the dialect of a real one, on 127.0.0.1.

Every reply consists of the words of `ANSWER`; a prompt that begins with the name of a fault gets
that fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

ANSWER = ("The", " capital", " is", " Paris", ".")


@dataclass
class FakeServer:
    """One server.

    Attributes:
        dialect: vllm, sglang, llama-server, ollama, tgi or plain (no streaming).
        fragment_s: Time between fragments [s].
        busy: Requests refused with 429 before the first is answered.
        seen: Bodies of all requests.
        keys: Authorization headers of all requests.
    """

    dialect: str = "vllm"
    fragment_s: float = 0.002
    busy: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.seen.append(body)
        self.keys.append(request.headers.get("Authorization"))
        if self.busy:
            self.busy -= 1
            return web.json_response({"error": {"message": "slow down"}}, status=429)
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
            garbled = prompt.startswith("garbled")
            body_bytes = b"\xff{" if garbled else json.dumps(self._document(chat)).encode()
            return web.Response(body=body_bytes, content_type="application/json")
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

    async def start() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", server.handle)
        app.router.add_post("/v1/completions", server.handle)
        runner.append(web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True))
        await runner[0].setup()
        site = web.TCPSite(runner[0], "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        server.url = f"http://127.0.0.1:{port}"
        started.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner[0].cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
