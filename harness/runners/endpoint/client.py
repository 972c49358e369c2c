"""An asynchronous client of OpenAI-compatible servers: one streamed request at a time.

Written against what vLLM, SGLang, llama-server, Ollama and TGI send. They differ in small things,
all accepted here: comment lines that keep the stream alive, ``data:`` without a space, carriage
returns, no ``[DONE]`` at the end, the usage in a chunk of its own or in the last one, reasoning
under ``reasoning_content`` or ``reasoning``, and an error object inside a stream that began with
status 200.

Needs aiohttp: ``pip install 'joulemark[endpoint]'``.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from harness.core.printable import printable
from harness.runners.endpoint.address import base_url
from harness.runners.endpoint.events import count_of

Api = Literal["chat", "completions"]
PATHS: Mapping[Api, str] = {"chat": "/chat/completions", "completions": "/completions"}
MAX_LINE_BYTES = 1 << 20
"""A stream with a longer line is not one of these servers."""
CONNECT_TIMEOUT_S = 30.0
"""A machine that does not answer a connection in this time is not there [s]."""
MAX_REPLY_CHARS = 1 << 20
"""A reply is cut off, and the request failed, beyond this."""
MAX_FRAGMENTS = 1 << 16
"""The same for its fragments, each a line of the event log, unless twice as many tokens were asked
for."""
MAX_REASON_CHARS = 64
"""A finish reason is a word; no more of it is kept."""
MAX_ERROR_CHARS = 300
PLAIN = {"Accept-Encoding": "identity"}
"""Headers that ask for a stream as it is: compression would hold tokens back."""


class RequestFailed(Exception):
    """One attempt did not give a complete reply.

    Attributes:
        retry: Whether another attempt may succeed (429, 5xx, a lost connection).
        connected: Whether the server took the connection.
    """

    def __init__(self, message: str, *, retry: bool, connected: bool = True) -> None:
        super().__init__(message)
        self.retry, self.connected = retry, connected


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where requests go and what every one of them says.

    Attributes:
        url: Base URL, with or without the trailing ``/v1``.
        model: Name of the model, as the server knows it.
        api: Which of the two interfaces.
        key: API key, "" for none. Never logged.
        timeout_s: Longest time for one request [s].
        parameters: Further fields of the request, such as ``temperature``.
        verify_tls: Whether the certificate of the server is checked.
    """

    url: str
    model: str
    api: Api = "chat"
    key: str = ""
    timeout_s: float = 300.0
    parameters: Mapping[str, Any] = field(default_factory=dict)
    verify_tls: bool = True

    @property
    def endpoint(self) -> str:
        """The full URL of the interface."""
        return base_url(self.url) + PATHS[self.api]

    def body(self, prompt: str, max_tokens: int) -> dict[str, Any]:
        """Return the JSON body of one request."""
        content: dict[str, Any] = (
            {"messages": [{"role": "user", "content": prompt}]}
            if self.api == "chat"
            else {"prompt": prompt}
        )
        fixed = {
            "model": self.model,
            "max_tokens": max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return content | fixed | dict(self.parameters)


@dataclass(slots=True)
class Reply:
    """What came back.

    Attributes:
        text: Visible text and reasoning, in the order in which they arrived.
        finish_reason: Why the server stopped, as it says.
        completion_tokens: Output tokens by the server's usage; None where it does not say.
        prompt_tokens: Input tokens by the server's usage; None where it does not say.
        cached_tokens: Input tokens that came from a cache; None where it does not say.
    """

    text: str = ""
    finish_reason: str | None = None
    completion_tokens: int | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None


OnFragment = Callable[[int], None]
"""Called with the monotonic time [ns] of each fragment of length above zero."""


def connect(concurrency: int) -> aiohttp.ClientSession:
    """Open a pool of as many connections as requests can be in flight."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=max(1, concurrency), ttl_dns_cache=3600),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=1 << 16,
        auto_decompress=False,
        headers=PLAIN,
    )


async def ask(
    session: aiohttp.ClientSession,
    server: Server,
    prompt: str,
    max_tokens: int,
    on_fragment: OnFragment,
) -> Reply:
    """Send one request and read its stream to the end.

    Raises:
        RequestFailed: if no complete reply came.
    """
    headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
    try:
        async with session.post(
            server.endpoint,
            json=server.body(prompt, max_tokens),
            headers=headers,
            timeout=aiohttp.ClientTimeout(
                total=server.timeout_s, sock_connect=min(CONNECT_TIMEOUT_S, server.timeout_s)
            ),
            ssl=server.verify_tls,
            allow_redirects=False,
        ) as response:
            if response.status != 200:
                raise await _refused(response)
            return await _read(response, on_fragment, max(MAX_FRAGMENTS, 2 * max_tokens))
    except aiohttp.ConnectionTimeoutError as error:
        reason = _one_line(error, MAX_ERROR_CHARS)
        raise RequestFailed(reason, retry=True, connected=False) from None
    except TimeoutError:
        raise RequestFailed(f"no complete reply in {server.timeout_s:g} s", retry=False) from None
    except aiohttp.ClientConnectorCertificateError as error:
        reason = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
        message = f"the certificate of the server: {reason}; --insecure accepts any"
        raise RequestFailed(message, retry=False) from None
    except (aiohttp.ClientError, OSError) as error:
        connected = not isinstance(error, aiohttp.ClientConnectorError)
        message = f"{type(error).__name__}: {_one_line(error, MAX_ERROR_CHARS)}"
        raise RequestFailed(message, retry=True, connected=connected) from None


async def _refused(response: aiohttp.ClientResponse) -> RequestFailed:
    """Return the failure that a status other than 200 stands for."""
    text = (await response.content.read(2000)).decode("utf-8", "replace")
    message = f"HTTP {response.status}: {_one_line(text)}"
    return RequestFailed(message, retry=response.status == 429 or response.status >= 500)


async def _read(
    response: aiohttp.ClientResponse, on_fragment: OnFragment, max_fragments: int
) -> Reply:
    """Read a stream of server-sent events, or a plain JSON reply of a server without streams."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise RequestFailed(f"the reply is compressed ({_one_line(encoding)})", retry=False)
    reply, parts, length = Reply(), [], 0
    if response.content_type == "application/json":
        chunks = _single(await _whole_body(response))
    else:
        chunks = _chunks(response)
    async for chunk in chunks:
        if chunk.get("error"):
            raise RequestFailed(f"the server: {_message(chunk['error'])}", retry=False)
        text, reason = _fragment(chunk)
        if text:
            on_fragment(time.monotonic_ns())
            parts.append(text)
            length += len(text)
            if length > MAX_REPLY_CHARS or len(parts) > max_fragments:
                raise RequestFailed("the reply does not end", retry=False)
        if reason is not None:
            reply.finish_reason = _one_line(reason, MAX_REASON_CHARS)
        _enter_usage(chunk.get("usage"), reply)
    if reply.finish_reason is None:
        raise RequestFailed("the stream ended before the reply did", retry=True)
    reply.text = _whole_characters("".join(parts))
    return reply


def _whole_characters(text: str) -> str:
    r"""Join halves of characters, and replace those without their other half.

    JSON may state a character in two escapes (``\ud83d\ude00``), and a server that ends its
    fragments in between sends them apart. No file can hold a half.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


async def _whole_body(response: aiohttp.ClientResponse) -> bytes:
    """Read a body of bounded length."""
    body = b""
    async for block in response.content.iter_any():
        body += block
        if len(body) > MAX_LINE_BYTES:
            raise RequestFailed("the reply does not end", retry=False)
    return body


async def _single(body: bytes) -> AsyncIterator[dict[str, Any]]:
    """Yield the one JSON object of a server that does not stream."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise RequestFailed("the reply is no JSON object", retry=False)
    yield document


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """Yield the JSON object of each event, up to ``[DONE]`` or the end of the stream."""
    async for line in _lines(response):
        if not line.startswith(b"data:"):
            continue  # a comment, an event name, or the blank line between events
        payload = line[5:].strip()
        if payload == b"[DONE]":
            return
        try:
            chunk = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise RequestFailed("an event of the stream is not JSON", retry=False) from None
        if isinstance(chunk, dict):
            yield chunk


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield lines as soon as they are complete."""
    pending = b""
    async for block in response.content.iter_any():
        *lines, pending = (pending + block).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(pending) > MAX_LINE_BYTES:
            raise RequestFailed("a line of the stream does not end", retry=False)
    if pending:
        yield pending.rstrip(b"\r")


def _fragment(chunk: Mapping[str, Any]) -> tuple[str, str | None]:
    """Text of a chunk, reasoning included, and the finish reason if the reply ends here."""
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return "", None
    body = choice.get("delta") or choice.get("message") or choice
    fields = ("reasoning_content", "reasoning", "content", "text")
    texts = [body.get(name) for name in fields] if isinstance(body, dict) else []
    text = "".join(part for part in texts if isinstance(part, str))
    reason = choice.get("finish_reason")
    return text, reason if isinstance(reason, str) else None


def _enter_usage(usage: object, reply: Reply) -> None:
    if not isinstance(usage, dict):
        return
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    counts = {
        "completion_tokens": count_of(usage.get("completion_tokens")),
        "prompt_tokens": count_of(usage.get("prompt_tokens")),
        "cached_tokens": count_of(cached),
    }
    for name, count in counts.items():
        if count is not None:
            setattr(reply, name, count)


def _message(error: object) -> str:
    return _one_line(error.get("message") if isinstance(error, dict) else error)


def _one_line(text: object, max_chars: int = 200) -> str:
    """Return what a server says as one short line that can be shown and stored."""
    line = " ".join(str(text).split())[:max_chars]
    return printable(_whole_characters(line))
