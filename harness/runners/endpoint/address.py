"""The address of an LLM server."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.core.errors import UsageError


def base_url(text: str) -> str:
    """Return the base URL of a server with its `/v1`, whether or not it was stated.

    Raises:
        UsageError: The text is not such a URL, or it holds a password: records state the URL.
    """
    try:
        parts = urlsplit(text)
        is_url = text.startswith(("http://", "https://")) and bool(parts.hostname)
        is_url = is_url and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise UsageError(
            "is not the URL of a server", got=text, expected="http://HOST:PORT or https://HOST"
        )
    if parts.username is not None:
        raise UsageError(
            "holds a user name or password, and the record of a run would show it",
            where=f"the URL of {parts.hostname}",
            expected="http://HOST:PORT or https://HOST",
            fix="Give the API key by --key-file, or in the variable that --key-env names.",
        )
    return text.rstrip("/").removesuffix("/v1") + "/v1"
