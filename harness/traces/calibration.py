"""Calibration ids: pseudonyms of this machine and its devices.

Runs on one sensor share its systematic error by the id.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")


def calibration_id(meter: str, part: str) -> str:
    """Return the id of one sensor of this machine.

    The same in all runs here, different on other machines.
    """
    return f"{meter}:{part}@{pseudonym(machine())}"


def pseudonym(secret: str) -> str:
    """Return a short hash that hides its origin, as machine-id(5) asks of programs."""
    return hashlib.sha256(f"joulemark calibration {secret}".encode()).hexdigest()[:12]


@functools.cache
def machine() -> str:
    """Return the id of the machine.

    Where it has none, one of this process, so that no error is shared between runs.
    """
    try:
        return MACHINE_ID.read_text("ascii").strip() or uuid.uuid4().hex
    except (OSError, UnicodeDecodeError):
        return uuid.uuid4().hex
