"""Verify a submission: who signed it, and whether anything was changed since.

1. The envelope exists, is not too large, and parses: JSON of one spelling, at least one signature.
2. Its payload is of the type of a manifest: a signature for another purpose does not count.
3. Its payload is the manifest that lies beside it, byte for byte.
4. The manifest is valid, and in its canonical spelling.
5. Each signature is by a key that the trust file assigns to the submitter named in the manifest.
   A key trusted for somebody else is not enough, and no signature is ignored.
6. Each of these keys is valid: not revoked, and the date of the manifest is within its dates and
   not in the future. Several signatures of one key count once.
7. Every listed file exists with its size and hash; every existing file is listed; none is a link.
8. A countersignature, or a report that it should cover: it is by an auditor's key, over this
   manifest, and over this report.
9. Every run record states what the manifest states: `harness.signing.records`. A signature over a
   plan of runs is by a valid key of the submitter, over the plan beside it.

A step that fails does not stop those that do not depend on it, so that one look shows all that is
wrong. Files are compared with what was signed; where no envelope can be read, with the manifest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from harness.core.documents import canonical, parse_json
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes, sha256
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.signing import dsse
from harness.signing.anchors import Anchors
from harness.signing.countersign import COUNTERSIGNATURE_TYPE, parse_statement, statement
from harness.signing.manifest import (
    COUNTERSIGNATURE,
    ENVELOPE,
    MANIFEST,
    Difference,
    differences,
    first_difference,
    parse_manifest,
    read_manifest,
)
from harness.signing.plans import PLAN, PLAN_TYPE, signed_plans
from harness.signing.records import record_differences
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
    "records",
)
"""Names of the steps, by number."""
FILES_STEP, RECORDS_STEP = 7, 9


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a submission.

    Attributes:
        step: Number of the step that failed.
        where: Path or JSON pointer inside the submission.
        got: What is there.
        expected: What should be there.
    """

    step: int
    where: str
    got: str
    expected: str


@dataclass(slots=True)
class Verification:
    """The result for one submission.

    Attributes:
        folder: The submission.
        submitter: As the manifest states.
        signers: Owner and key id of each valid signature.
        auditors: Owner and key id of each valid countersignature.
        files: Number of files that the manifest lists.
        listed: SHA-256 of each of them, by path.
        enveloped: Whether there is an envelope at all.
        plan_signers: Owner and key id of each valid signature over a plan.
        anchors: What anchors say of its journals and plans; None where none were looked at.
        faults: What is wrong, in the order of the steps.
    """

    folder: Path
    submitter: str | None = None
    signers: list[tuple[str, str]] = field(default_factory=list)
    auditors: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    listed: dict[str, str] = field(default_factory=dict)
    enveloped: bool = False
    plan_signers: list[tuple[str, str]] = field(default_factory=list)
    anchors: Anchors | None = None
    faults: list[Fault] = field(default_factory=list)

    def attempt(self, step: int, where: str, make: Callable[[], T]) -> T | None:
        """Return what `make` returns; an error that it raises becomes a fault of this step."""
        try:
            return make()
        except JoulemarkError as error:
            inside = error.where.removeprefix(f"{self.folder}/") or where
            got = f"{error.message}: {error.got}" if error.got else error.message
            self.faults.append(Fault(step, inside, got, error.expected or "what was signed"))
            return None

    def add(self, step: int, unequal: Iterable[Difference]) -> None:
        """Add differences as faults of a step."""
        self.faults += [Fault(step, item.where, item.got, item.expected) for item in unequal]


def verify(folder: Path, trust: Trust, report: Mapping[str, Any] | None = None) -> Verification:
    """Take all steps over a submission.

    Args:
        folder: The submission.
        trust: Whose keys count.
        report: Audit report that the countersignature must cover.

    Raises:
        UnreadableError: The folder holds neither a manifest nor an envelope.
    """
    if not any((folder / name).exists() for name in (MANIFEST, ENVELOPE)):
        raise UnreadableError(
            "is not a submission",
            where=str(folder),
            expected=f"a folder that holds {MANIFEST}",
            fix="Name the folder that joulemark pack made.",
        )
    result = Verification(folder, enveloped=(folder / ENVELOPE).exists())
    # Steps 1 and 2
    envelope = _read_envelope(result, ENVELOPE, MANIFEST_TYPE, (1, 2))
    # Step 3
    stored = result.attempt(3, MANIFEST, lambda: read_manifest(folder))
    signed = stored if envelope is None else envelope.payload
    if signed is None:
        return result
    if stored is not None and stored != signed:
        result.add(3, [first_difference(stored, signed, MANIFEST)])
    # Step 4
    where = MANIFEST if envelope is None else f"{ENVELOPE}#/payload"
    manifest = result.attempt(4, where, lambda: parse_manifest(signed, where))
    if manifest is None:
        return result
    result.submitter, result.files = manifest["submitter"], len(manifest["files"])
    result.listed = {item["path"]: item["sha256"] for item in manifest["files"]}
    # Steps 5 and 6
    if envelope is not None:
        signers = trust.submitter(manifest["submitter"])
        created = manifest["created"]
        result.signers = _valid_signatures(result, ENVELOPE, envelope, signers, created, (5, 6))
    # Step 7
    result.add(FILES_STEP, differences(folder, manifest))
    # Step 8
    if report is not None or (folder / COUNTERSIGNATURE).exists():
        result.auditors = _auditors(result, signed, trust, report)
    # Step 9
    _check_plans(result, trust.submitter(manifest["submitter"]))
    result.add(RECORDS_STEP, record_differences(folder, manifest))
    return result


def verify_within(
    folder: Path,
    trust: Trust,
    report: Mapping[str, Any] | None = None,
    timeout_s: float | None = None,
) -> Verification:
    """Verify a submission; one that takes longer than a time [s] fails the step of its files."""
    try:
        with deadline(timeout_s):
            return verify(folder, trust, report)
    except TimeLimitExceeded as error:
        result = Verification(folder, enveloped=(folder / ENVELOPE).exists())
        late = Difference(MANIFEST, f"not verified: {error}", f"at most {timeout_s:g} s")
        result.add(FILES_STEP, [late])
        return result


def _check_plans(result: Verification, signers: Signers) -> None:
    """Check the signatures over plans: each by a key of the submitter, over the plan beside it."""
    for path in signed_plans(result.folder):
        name = path.relative_to(result.folder).as_posix()
        envelope = _read_envelope(result, name, PLAN_TYPE, (RECORDS_STEP, RECORDS_STEP))
        plan = result.attempt(
            RECORDS_STEP, name, partial(read_bytes, path.with_name(PLAN), limit=MAX_DOCUMENT_BYTES)
        )
        if envelope is None or plan is None:
            continue
        if envelope.payload != plan:
            result.add(RECORDS_STEP, [Difference(name, "signed another plan", f"{PLAN} beside it")])
            continue
        created = _created(plan)
        steps = (RECORDS_STEP, RECORDS_STEP)
        result.plan_signers += _valid_signatures(result, name, envelope, signers, created, steps)


def _created(plan: bytes) -> str:
    """Return the date that a plan states; "" where it states none."""
    try:
        document = parse_json(plan, where=PLAN)
    except JoulemarkError:
        return ""
    return str(document.get("created", "")) if isinstance(document, dict) else ""


def _read_envelope(
    result: Verification, name: str, payload_type: str, steps: tuple[int, int]
) -> dsse.Envelope | None:
    """Read an envelope of a type.

    Args:
        result: Takes the faults.
        name: File inside the submission.
        payload_type: The type it must have.
        steps: Numbers of the steps "is an envelope" and "has this type".
    """
    path = result.folder / name
    is_envelope, has_type = steps
    envelope = result.attempt(
        is_envelope,
        name,
        lambda: dsse.parse(read_bytes(path, limit=dsse.MAX_ENVELOPE_BYTES), where=name),
    )
    if envelope is None or envelope.payload_type == payload_type:
        return envelope
    got = shorten(envelope.payload_type)
    result.add(has_type, [Difference(f"{name}#/payloadType", got, payload_type)])
    return None


def _valid_signatures(
    result: Verification,
    name: str,
    envelope: dsse.Envelope,
    signers: Signers,
    date: str,
    steps: tuple[int, int],
) -> list[tuple[str, str]]:
    """Return owner and key id of the valid signatures.

    Args:
        result: Takes the faults.
        name: File of the envelope.
        envelope: The envelope.
        signers: Keys that may sign it.
        date: The date that the signed document states.
        steps: Numbers of the steps "signature" and "key".
    """
    signature_step, key_step = steps
    now_ns = time.time_ns()
    valid: list[tuple[str, str]] = []
    for number, signature in enumerate(envelope.signatures):
        where, key = f"{name}#/signatures/{number}", signers.find(signature.key)
        if key is None:
            got = signers.describe_stranger(signature.key)
            result.add(signature_step, [Difference(where, got, signers.whose)])
            continue
        label = f"key {key.id[:16]} of {key.owner}"
        if not dsse.is_signed_by(envelope, signature, key.public):
            got = f"a signature that {label} did not make over this payload"
            result.add(signature_step, [Difference(where, got, signers.whose)])
            continue
        fault = key.fault(date, now_ns)
        if fault:
            got, expected = fault
            result.add(key_step, [Difference(where, f"{label}: {got}", expected)])
        elif (key.owner, key.id) not in valid:
            valid.append((key.owner, key.id))
    return valid


def _auditors(
    result: Verification, manifest: bytes, trust: Trust, report: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    """Take step 8: return auditor and key id of the valid countersignatures."""
    envelope = _read_envelope(result, COUNTERSIGNATURE, COUNTERSIGNATURE_TYPE, (8, 8))
    if envelope is None:
        return []
    stated = result.attempt(8, COUNTERSIGNATURE, lambda: parse_statement(envelope.payload))
    if stated is None:
        return []
    expected: dict[str, Any] | None = stated | {"manifest_sha256": sha256(manifest)}
    if report is not None:
        expected = result.attempt(
            8, COUNTERSIGNATURE, lambda: statement(manifest, report, stated["date"])
        )
    if expected is None:
        return []
    if expected != stated:
        unequal = first_difference(envelope.payload, canonical(expected), COUNTERSIGNATURE)
        result.add(8, [unequal])
        return []
    signers, date = trust.auditor(), stated["date"]
    return _valid_signatures(result, COUNTERSIGNATURE, envelope, signers, date, (8, 8))
