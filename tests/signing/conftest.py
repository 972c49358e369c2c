"""A signed submission, its keys and a trust file; made once, copied for each test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness import api
from harness.core.documents import write_document
from harness.core.resources import resource
from harness.render.audit_report.document import audit_document
from harness.signing.countersign import countersign
from harness.signing.keys import generate, public_line, read_private
from harness.signing.manifest import COUNTERSIGNATURE
from harness.signing.sign import sign
from harness.signing.trust import Trust, read_trust
from harness.signing.verify import Verification, verify
from harness.submission.pack import pack

OWNER, OTHER, AUDITOR = "Tree Labs", "Stone Works", "Watchers"
SYSTEM = f"schema_version: '1.0'\nsubmitter: {OWNER}\nsystem_name: alder 2\n"


def unlocked() -> bytes:
    raise AssertionError("the key is not locked")


@dataclass(frozen=True)
class Signed:
    """A signed submission of Tree Labs, with keys of three owners by name."""

    root: Path
    folder: Path
    keys: dict[str, Ed25519PrivateKey]

    @property
    def trust_file(self) -> Path:
        return self.root / "trust.json"

    def believe(self, **about: Any) -> Trust:
        """A trust file in which something is said about the key of Tree Labs."""
        given = {
            name: {"public_key": public_line(key.public_key())} for name, key in self.keys.items()
        }
        submitters = {OWNER: [given[OWNER] | about], OTHER: [given[OTHER]]}
        document = {
            "schema_version": "1.0",
            "submitters": submitters,
            "auditors": {AUDITOR: [given[AUDITOR]]},
        }
        write_document("trust", document, self.trust_file)
        return read_trust(self.trust_file)

    def verified(self, **about: Any) -> Verification:
        return verify(self.folder, self.believe(**about))

    def report(self) -> dict[str, Any]:
        return audit_document(api.audit(self.folder))

    def countersign(self, owner: str = AUDITOR) -> None:
        (self.folder / COUNTERSIGNATURE).unlink(missing_ok=True)
        countersign(self.folder, self.report(), self.keys[owner])


@pytest.fixture(scope="session")
def signed_once(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    root = tmp_path_factory.mktemp("signed")
    api.import_tree(
        resource("submissions") / "lab-2026/inference/closed/SimulatedAlder", out=root / "runs"
    )
    (root / "system.yaml").write_text(SYSTEM)
    folder = pack([root / "runs"], root / "system.yaml", root / "out").folder
    keys = {}
    for name in (OWNER, OTHER, AUDITOR):
        made = generate(root / "keys", name.replace(" ", "-"))
        keys[name] = read_private(made.private, unlocked)
    sign(folder, keys[OWNER])
    return Signed(root, folder, keys)


@pytest.fixture
def signed(signed_once: Signed, tmp_path: Path) -> Signed:
    """A copy of it to tamper with."""
    shutil.copytree(signed_once.folder, tmp_path / "submission")
    return Signed(tmp_path, tmp_path / "submission", signed_once.keys)
