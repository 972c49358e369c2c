"""Signatures over the plan of a series of runs, made before the first of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.files import write_text
from harness.signing import dsse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PLAN, SIGNED_PLAN = "plan.json", "plan.dsse.json"
PLAN_TYPE = "application/vnd.joulemark.plan+json"


def sign_plan(folder: Path, content: bytes, key: Ed25519PrivateKey) -> None:
    """Write a signature over a plan beside it.

    Args:
        folder: The folder of the plan.
        content: Its bytes.
        key: The private key to sign with.
    """
    envelope = dsse.sign(PLAN_TYPE, content, key)
    write_text(folder / SIGNED_PLAN, dsse.dump(envelope).decode())


def signed_plans(folder: Path) -> list[Path]:
    """Return the signatures over plans below a folder; links are not followed."""
    return sorted(path for path in folder.glob(f"**/{SIGNED_PLAN}") if not path.is_symlink())
