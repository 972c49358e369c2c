"""Who shares a systematic error: a pseudonym of this machine, and of its devices, that tells nobody which it is."""

from __future__ import annotations

import functools
import hashlib
import uuid
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")


def calibration_id(meter: str, part: str) -> str:
    """Id of one sensor of this machine: the same in all runs here, different on other machines."""
    return f"{meter}:{part}@{pseudonym(machine())}"


def pseudonym(secret: str) -> str:
    """A short hash that does not give its origin away, as machine-id(5) asks of programs that use that file."""
    return hashlib.sha256(f"joulemark calibration {secret}".encode()).hexdigest()[:12]


@functools.cache
def machine() -> str:
    """The machine's id, or one of this process where it has none: then no error is shared between runs."""
    try:
        return MACHINE_ID.read_text("ascii").strip() or uuid.uuid4().hex
    except (OSError, UnicodeDecodeError):
        return uuid.uuid4().hex
