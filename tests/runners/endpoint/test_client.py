"""The client understands what each server sends, and says what went wrong."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytest.importorskip("aiohttp", reason="pip install 'joulemark[endpoint]'")

from harness.core.errors import UsageError
from harness.runners.endpoint.client import Reply, RequestFailed, Server, ask, connect
from tests.runners.endpoint.servers import ANSWER, FakeServer, serve


def request(fake: FakeServer, prompt: str = "What?", **options: Any) -> tuple[Reply, list[int]]:
    """Send one request and return the reply and the stamps of its fragments."""
    stamps: list[int] = []

    async def send() -> Reply:
        server = Server(url=fake.url, model="m", **options)
        try:
            async with connect(1) as session:
                return await ask(session, server, prompt, 16, stamps.append)
        finally:
            if fake.tls:  # a refused connection is closed once its other end has heard of it
                await asyncio.sleep(0.1)

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


@pytest.mark.parametrize(
    ("prompt", "text", "tokens"),
    [
        ("halves", "Paris \N{GRINNING FACE} \N{REPLACEMENT CHARACTER}", None),
        ("latin", "Par\N{REPLACEMENT CHARACTER}s", None),
        ("nulls", "Paris", None),
        ("usage", "Paris", 1),
        ("absurd", "Paris", None),
        ("zero", "Paris", 0),
        ("list", "Paris", None),
    ],
)
def test_odd_streams_are_understood(prompt: str, text: str, tokens: int | None) -> None:
    with serve(FakeServer()) as fake:
        reply, _ = request(fake, prompt)
    assert (reply.text, reply.completion_tokens) == (text, tokens)
    assert reply.text.encode("utf-8"), "it can be written to a file"


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("endless", "a line of the stream does not end"),
        ("nested", "an event of the stream is not JSON"),
        ("half-error", "the server: \N{REPLACEMENT CHARACTER} broke"),
        ("html", "the stream ended before the reply did"),
    ],
)
def test_broken_streams_fail_with_a_reason(prompt: str, message: str) -> None:
    with serve(FakeServer()) as fake, pytest.raises(RequestFailed, match=message):
        request(fake, prompt)


def test_a_certificate_of_its_own_is_refused_unless_any_is_accepted(tmp_path: Path) -> None:
    with serve(FakeServer(tls=own_certificate(tmp_path))) as fake:
        with pytest.raises(RequestFailed, match="certificate") as caught:
            request(fake)
        assert not caught.value.retry, "it will not change"
        assert "--insecure" in str(caught.value)
        reply, _ = request(fake, verify_tls=False)
    assert reply.text == "".join(ANSWER)


def own_certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for 127.0.0.1 that nobody else signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


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
