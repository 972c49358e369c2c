"""Options of network meters: addresses, numbers, and secrets that never stand on a command line."""

from __future__ import annotations

import math
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from harness.core.errors import UsageError, shorten
from harness.core.files import refuse_shared
from harness.traces.calibration import machine, pseudonym

MAX_TIMEOUT_S = 60.0
MAX_PORT = 65535
MAX_SECRET_BYTES = 4096
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a peer listens.

    Attributes:
        host: Name or address.
        port: TCP or UDP port.
    """

    host: str
    port: int

    @property
    def alias(self) -> str:
        """A pseudonym: the same in all runs on this machine, and not to be guessed elsewhere."""
        return pseudonym(f"{machine()} {self.host.lower()}:{self.port}")


def address(meter: str, host: str, port: str, default_port: int) -> Address:
    """Return the address that the options `host` and `port` state.

    Raises:
        UsageError: One of them cannot be an address.
    """
    plain = host.strip()
    if not plain or any(character in plain for character in "/@?# "):
        raise UsageError(
            "is not a host",
            where=f"{meter}:host",
            got=shorten(repr(plain.rpartition("@")[2])),
            expected="a name or address, like pdu-3.lab or 192.0.2.7",
            fix="Ports have an option of their own: port=8161.",
        )
    number = integer(meter, "port", port, default_port, 1, MAX_PORT)
    return Address(plain.removeprefix("[").removesuffix("]"), number)


def url(meter: str, option: str, text: str) -> SplitResult:
    """Return the parts of a URL.

    Raises:
        UsageError: It is not a URL of HTTP, or it contains a password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise UsageError(
            "is not a URL",
            where=f"{meter}:{option}",
            got=shorten(repr(text.rpartition("@")[2])),
            expected="http://HOST:PORT or https://HOST:PORT",
        )
    if "@" in parts.netloc:
        raise UsageError(
            "contains a user or password",
            where=f"{meter}:{option}",
            expected="a URL without them",
            fix="Write user=NAME, and give the password in the environment or a file.",
        )
    return parts


def number(
    meter: str, option: str, text: str, default: float, low: float, high: float = math.inf
) -> float:
    """Return the number of an option, or its default where the option is empty.

    Raises:
        UsageError: It is not a number within its limits.
    """
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high or math.isinf(value):
        bounds = f"{low:g} to {high:g}" if high < math.inf else f"at least {low:g}"
        raise UsageError(
            "is not a number that is possible here",
            where=f"{meter}:{option}",
            got=shorten(repr(text)),
            expected=bounds,
        )
    return value


def integer(meter: str, option: str, text: str, default: int, low: int, high: int) -> int:
    """Return the whole number of an option, or its default where the option is empty.

    Raises:
        UsageError: It is not a whole number within its limits.
    """
    value = number(meter, option, text, default, low, high)
    if value != int(value):
        raise UsageError(
            "is not a whole number", where=f"{meter}:{option}", got=shorten(repr(text))
        )
    return int(value)


def flag(meter: str, option: str, text: str) -> bool:
    """Return whether an option says yes; an empty one says no.

    Raises:
        UsageError: It says neither.
    """
    return choice(meter, option, text or NO, (YES, NO)) == YES


def choice(meter: str, option: str, text: str, choices: tuple[str, ...]) -> str:
    """Return an option that takes one of a few words.

    Raises:
        UsageError: It is none of them.
    """
    if text not in choices:
        raise UsageError(
            "is not a choice",
            where=f"{meter}:{option}",
            got=shorten(repr(text)),
            expected=" or ".join(choices),
        )
    return text


def secret(meter: str, option: str, file: str) -> str:
    """Return a secret of a meter, or "" where none is given.

    It is read from the file that the option names, which must be readable by its owner only; else
    from the environment variable `JOULEMARK_METER_OPTION`. It never stands on the command line,
    which other users of the machine can read, and it enters no record.

    Args:
        meter: Name of the meter.
        option: What the secret is, like `password`.
        file: Value of the option `password_file`; "" for the environment.

    Raises:
        UsageError: The file cannot be read, or others may read it.
    """
    if not file:
        return os.environ.get(variable(meter, option), "")
    path = Path(file)
    try:
        refuse_shared(path)
        with path.open("rb") as source:
            content = source.read(MAX_SECRET_BYTES)
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}",
            where=f"{meter}:{option}_file",
            expected="a file of mode 0600 that holds the secret",
        ) from None
    return content.decode("utf-8", "replace").rstrip("\r\n")


def certificates(meter: str, file: str) -> str:
    """Return the file of certificates that the option `ca` names; "" where it names none.

    Raises:
        UsageError: It holds no certificates.
    """
    if not file:
        return ""
    fault = ""
    try:
        ssl.create_default_context(cafile=file)
    except (ssl.SSLError, ValueError):
        fault = "holds no certificates"
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    if fault:
        raise UsageError(
            fault,
            where=f"{meter}:ca",
            got=shorten(repr(file)),
            expected="a file with certificates in PEM",
        )
    return file


def variable(meter: str, option: str) -> str:
    """Return the name of the environment variable that holds a secret of a meter."""
    return f"JOULEMARK_{meter}_{option}".upper()
