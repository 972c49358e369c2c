"""Verify a submission: who signed it, and whether anything of it was changed since.

1. The envelope is there, is not too large, and parses: JSON of one spelling, at least one signature.
2. Its payload is of the type of a manifest: a signature for another purpose is none here.
3. Its payload is the manifest that lies beside it, byte for byte.
4. The manifest is valid, and in its canonical bytes.
5. Each signature is by a key that the trust file gives to the submitter that the manifest names. A key that is
   trusted for somebody else is not enough, and none is passed over.
6. Each of these keys holds: it is not revoked, and the date of the manifest lies within its dates.
7. Every file listed is there with size and hash; every file there is listed; nothing is a link.
8. Where there is a countersignature, or a report that it should cover: it is an auditor's, over this manifest, and
   over this report.

A step that fails does not stop those that do not need it, so that one look says all that is wrong. Files are held
against what was signed; where no envelope can be read, against the manifest that lies there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import read_bytes, sha256
from harness.core.schemas import canonical
from harness.signing import dsse
from harness.signing.countersign import COUNTERSIGNATURE_TYPE, parse_statement, statement
from harness.signing.manifest import (
    COUNTERSIGNATURE,
    ENVELOPE,
    MANIFEST,
    Difference,
    compare,
    difference,
    parse_manifest,
    read_manifest,
)
from harness.signing.sign import MANIFEST_TYPE
from harness.signing.trust import Signers, Trust

T = TypeVar("T")

STEPS = (
    "",
    "envelope",
    "payload type",
    "payload",
    "manifest",
    "signature",
    "key",
    "files",
    "countersignature",
)
"""Names of the steps, by number."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What speaks against a submission. step: number of the step that failed; where: inside the submission"""

    step: int
    where: str
    got: str
    expected: str


@dataclass(slots=True)
class Verification:
    """What was found of one submission.

    submitter: as the manifest states; signers, auditors: (owner, key id) of each signature that holds
    files: number of files that the manifest lists; enveloped: whether there is an envelope at all
    """

    folder: Path
    submitter: str | None = None
    signers: list[tuple[str, str]] = field(default_factory=list)
    auditors: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    enveloped: bool = False
    faults: list[Fault] = field(default_factory=list)

    def attempt(self, number: int, where: str, make: Callable[[], T]) -> T | None:
        """What `make` gives; what cannot be read or used is a fault of this step."""
        try:
            return make()
        except JoulemarkError as error:
            place = error.where.removeprefix(f"{self.folder}/") or where
            got = f"{error.message}: {error.got}" if error.got else error.message
            self.faults.append(Fault(number, place, got, error.expected or "what was signed"))
            return None

    def add(self, number: int, found: Iterable[Difference]) -> None:
        """Differences are faults of this step."""
        self.faults += [Fault(number, item.where, item.got, item.expected) for item in found]


def verify(folder: Path, trust: Trust, report: Mapping[str, Any] | None = None) -> Verification:
    """All eight steps over a submission. report: the audit report that the countersignature should cover

    Raises UnreadableError where the folder holds neither a manifest nor an envelope.
    """
    if not any((folder / name).exists() for name in (MANIFEST, ENVELOPE)):
        raise UnreadableError(
            "is no submission",
            where=str(folder),
            expected=f"a folder that holds {MANIFEST}",
            fix="Name the folder that joulemark pack made.",
        )
    done = Verification(folder, enveloped=(folder / ENVELOPE).exists())
    envelope = _opened(done, ENVELOPE, MANIFEST_TYPE, (1, 2))
    stored = done.attempt(3, MANIFEST, lambda: read_manifest(folder))
    signed = stored if envelope is None else envelope.payload
    if signed is None:
        return done
    if stored is not None and stored != signed:
        done.add(3, [difference(stored, signed, MANIFEST)])
    where = MANIFEST if envelope is None else f"{ENVELOPE}#/payload"
    manifest = done.attempt(4, where, lambda: parse_manifest(signed, where))
    if manifest is None:
        return done
    done.submitter, done.files = manifest["submitter"], len(manifest["files"])
    if envelope is not None:
        signers = trust.submitter(manifest["submitter"])
        done.signers = _holding(done, ENVELOPE, envelope, signers, manifest["created"], (5, 6))
    done.add(7, compare(folder, manifest))
    if report is not None or (folder / COUNTERSIGNATURE).exists():
        done.auditors = _auditors(done, signed, trust, report)
    return done


def _opened(
    done: Verification, name: str, kind: str, steps: tuple[int, int]
) -> dsse.Envelope | None:
    """An envelope of this type. steps: the numbers of being one, and of its type"""
    path = done.folder / name
    read = done.attempt(
        steps[0],
        name,
        lambda: dsse.parse(read_bytes(path, limit=dsse.MAX_ENVELOPE_BYTES), where=name),
    )
    if read is None or read.payload_type == kind:
        return read
    done.add(steps[1], [Difference(f"{name}#/payloadType", shorten(read.payload_type), kind)])
    return None


def _holding(
    done: Verification,
    name: str,
    envelope: dsse.Envelope,
    signers: Signers,
    date: str,
    steps: tuple[int, int],
) -> list[tuple[str, str]]:
    """(owner, key id) of the signatures that hold. steps: the numbers of the signature, and of its key"""
    held = []
    for number, signature in enumerate(envelope.signatures):
        where, key = f"{name}#/signatures/{number}", signers.find(signature.key)
        if key is None:
            done.add(steps[0], [Difference(where, signers.other(signature.key), signers.whose)])
        elif not dsse.is_signed_by(envelope, signature, key.public):
            got = (
                f"a signature that key {key.id[:16]} of {key.owner} did not make over this payload"
            )
            done.add(steps[0], [Difference(where, got, signers.whose)])
        elif fault := key.fault(date):
            done.add(
                steps[1],
                [Difference(where, f"key {key.id[:16]} of {key.owner}: {fault[0]}", fault[1])],
            )
        else:
            held.append((key.owner, key.id))
    return held


def _auditors(
    done: Verification, manifest: bytes, trust: Trust, report: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    """Step 8: (auditor, key id) of the countersignatures that hold."""
    envelope = _opened(done, COUNTERSIGNATURE, COUNTERSIGNATURE_TYPE, (8, 8))
    if envelope is None:
        return []
    stated = done.attempt(8, COUNTERSIGNATURE, lambda: parse_statement(envelope.payload))
    if stated is None:
        return []
    true: dict[str, Any] | None = stated | {"manifest_sha256": sha256(manifest)}
    if report is not None:
        true = done.attempt(
            8, COUNTERSIGNATURE, lambda: statement(manifest, report, stated["date"])
        )
    if true is None:
        return []
    if true != stated:
        done.add(8, [difference(envelope.payload, canonical(true), COUNTERSIGNATURE)])
        return []
    return _holding(done, COUNTERSIGNATURE, envelope, trust.auditor(), stated["date"], (8, 8))
