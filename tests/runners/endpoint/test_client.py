"""The client understands what each server sends, and says what went wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="pip install 'joulemark[endpoint]'")

from harness.core.errors import UsageError
from harness.runners.endpoint.client import Reply, RequestFailed, Server, ask, connect
from tests.runners.endpoint.servers import ANSWER, FakeServer, serve


def request(fake: FakeServer, prompt: str = "What?", **options: Any) -> tuple[Reply, list[int]]:
    """Send one request and return the reply and the stamps of its fragments."""
    stamps: list[int] = []

    async def send() -> Reply:
        server = Server(url=fake.url, model="m", **options)
        async with connect(1) as session:
            return await ask(session, server, prompt, 16, stamps.append)

    return asyncio.run(send()), stamps


@pytest.mark.parametrize("dialect", ["vllm", "sglang", "llama-server", "ollama", "tgi"])
@pytest.mark.parametrize("api", ["chat", "completions"])
def test_every_dialect_gives_the_text_its_fragments_and_the_usage(dialect: str, api: str) -> None:
    with serve(FakeServer(dialect)) as fake:
        reply, stamps = request(fake, api=api)
    assert reply.text == "".join(ANSWER)
    assert (reply.completion_tokens, reply.prompt_tokens, reply.finish_reason) == (5, 7, "stop")
    assert len(stamps) == len(ANSWER)
    assert stamps == sorted(stamps)


def test_a_server_that_does_not_stream_gives_one_fragment() -> None:
    with serve(FakeServer("plain")) as fake:
        reply, stamps = request(fake)
    assert (reply.text, len(stamps), reply.completion_tokens) == ("".join(ANSWER), 1, 5)


def test_the_request_asks_for_usage_and_carries_the_key() -> None:
    with serve(FakeServer()) as fake:
        request(fake, key="secret", parameters={"temperature": 0})
    (body,) = fake.seen
    assert body["stream_options"] == {"include_usage": True}
    assert (body["max_tokens"], body["temperature"], body["model"]) == (16, 0, "m")
    assert fake.keys == ["Bearer secret"]


@pytest.mark.parametrize(
    ("prompt", "message", "retry"),
    [
        ("refused", "HTTP 404: .*no such model", False),
        ("dropped", "ClientPayloadError|ended before the reply", True),
        ("broken", "the server: out of memory", False),
        ("silent", "no complete reply in 0.3 s", False),
    ],
)
def test_a_failure_is_named_and_retried_only_where_that_can_help(
    prompt: str, message: str, retry: bool
) -> None:
    with (
        serve(FakeServer()) as fake,
        pytest.raises(RequestFailed, match=message) as caught,
    ):
        request(fake, prompt, timeout_s=0.3)
    assert caught.value.retry is retry


def test_a_busy_server_may_be_asked_again() -> None:
    with serve(FakeServer(busy=1)) as fake, pytest.raises(RequestFailed, match="429") as caught:
        request(fake)
    assert caught.value.retry


def test_an_address_without_scheme_is_refused() -> None:
    with pytest.raises(UsageError, match="is not the URL of a server"):
        _ = Server(url="localhost:8000", model="m").endpoint


@pytest.mark.parametrize("url", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"])
def test_the_base_url_may_end_in_v1(url: str) -> None:
    assert Server(url=url, model="m").endpoint == "http://h:1/v1/chat/completions"


def test_a_reply_that_is_no_json_is_named() -> None:
    with (
        serve(FakeServer("plain")) as fake,
        pytest.raises(RequestFailed, match="the reply is no JSON object"),
    ):
        request(fake, "garbled")
