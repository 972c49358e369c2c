"""What the audit reports on submissions that were changed, are unsigned, or are badly signed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from harness import api
from harness.auditing.report import EntryReport, Finding
from harness.core.documents import canonical
from harness.signing.manifest import ENVELOPE, MANIFEST
from harness.submission.pack import pack
from tests.signing.conftest import AUDITOR, OTHER, OWNER, SYSTEM, Signed
from tests.signing.test_verify import envelope

ENTRY = "results/alder_2/resnet50/Offline"


def audited(signed: Signed, *, trust: bool = True) -> EntryReport:
    if trust:
        signed.believe()
    (report,) = api.audit(signed.folder, trust=signed.trust_file if trust else None).entries
    return report


def found(report: EntryReport, code: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.got.startswith(f"{code}:")]


@pytest.mark.parametrize("trust", [True, False])
def test_a_whole_signed_submission_has_no_such_finding(signed: Signed, trust: bool) -> None:
    report = audited(signed, trust=trust)
    assert report.reasons == ("required-evidence",)
    assert [f for f in report.findings if f.rule == "evidence-readable"] == []


@pytest.mark.parametrize("trust", [True, False])
def test_a_file_that_is_not_what_was_packed_is_a_fail_with_or_without_keys(
    signed: Signed, trust: bool
) -> None:
    (signed.folder / "systems" / "alder_2.json").write_text("{}")
    report = audited(signed, trust=trust)
    (finding,) = found(report, "submission-changed")
    assert (finding.rule, finding.status, finding.where) == (
        "evidence-readable",
        "fail",
        "systems/alder_2.json",
    )
    assert "2 bytes, and not" in finding.got
    assert report.verdict == "invalid"


@pytest.mark.parametrize("trust", [True, False])
def test_a_file_put_into_a_submission_is_a_fail(signed: Signed, trust: bool) -> None:
    (signed.folder / "more.txt").write_text("")
    (finding,) = found(audited(signed, trust=trust), "submission-changed")
    assert finding.where == "more.txt"


@pytest.mark.parametrize("content", [b"{", b'{"files": [{"sha256": 1}]}'])
def test_a_manifest_that_is_none_any_more_is_a_fail(signed: Signed, content: bytes) -> None:
    (signed.folder / MANIFEST).write_bytes(content)
    (finding,) = found(audited(signed, trust=False), "submission-changed")
    assert finding.where.startswith(MANIFEST)
    assert finding.status == "fail"
    (signed.folder / MANIFEST).unlink()
    (finding,) = found(audited(signed, trust=False), "submission-changed")
    assert finding.where == MANIFEST


def test_a_bad_signature_is_a_fail_with_keys_and_not_looked_at_without(signed: Signed) -> None:
    envelope(signed, (signed.folder / MANIFEST).read_bytes(), OTHER)
    assert audited(signed, trust=False).reasons == ("required-evidence",)
    report = audited(signed)
    (finding,) = found(report, "signature-bad")
    assert finding.status == "fail"
    assert finding.where == f"{ENVELOPE}#/signatures/0"
    assert f"of submitter {OTHER}" in finding.got
    assert report.verdict == "invalid"


def test_unsigned_is_a_warning_with_keys_only(signed: Signed, tmp_path: Path) -> None:
    (signed.folder / ENVELOPE).unlink()
    assert found(audited(signed, trust=False), "unsigned") == []
    report = audited(signed)
    (finding,) = found(report, "unsigned")
    assert finding.status == "warn"
    assert "joulemark sign" in finding.fix
    assert report.reasons == ("required-evidence",)
    shutil.copytree(signed.folder / "results", tmp_path / "bare")
    (bare,) = api.audit(tmp_path / "bare", trust=signed.trust_file).entries
    assert [f.status for f in found(bare, "unsigned")] == ["warn"]


def test_an_entry_knows_its_submission_from_wherever_it_is_audited(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (signed.folder / "more.txt").write_text("")
    for folder in ("results", "results/alder_2", ENTRY, f"{ENTRY}/run_1"):
        (report,) = api.audit(signed.folder / folder).entries
        assert found(report, "submission-changed"), folder
    monkeypatch.chdir(signed.folder / "results" / "alder_2")
    (report,) = api.audit(".").entries
    assert found(report, "submission-changed")


def test_a_manifest_of_something_else_is_not_taken_for_ours(signed: Signed) -> None:
    (signed.folder / ENVELOPE).unlink()
    (signed.folder / MANIFEST).write_text('{"name": "a web page", "icons": []}')
    report = audited(signed, trust=False)
    assert report.reasons == ("required-evidence",)
    assert found(report, "submission-changed") == []


def test_a_difference_inside_an_entry_is_that_entrys_and_no_others(
    signed: Signed, tmp_path: Path
) -> None:
    runs = signed.root / "runs"
    shutil.copytree(signed.folder / ENTRY, runs / "one")
    shutil.copytree(signed.folder / ENTRY, runs / "two")
    for path in (runs / "two").rglob("run.json"):
        document = json.loads(path.read_bytes())
        document["entry"] |= {"benchmark": "bert"}
        path.write_text(json.dumps(document))
    (signed.root / "system.yaml").write_text(SYSTEM)
    folder = pack([runs], signed.root / "system.yaml", tmp_path / "out", force=True).folder
    (folder / "results/alder_2/bert/Offline/notes.txt").write_text("")
    one, two = sorted(api.audit(folder).entries, key=lambda entry: "resnet50" in entry.id)
    assert "bert" in one.id
    assert [f.where for f in found(one, "submission-changed")] == [
        "results/alder_2/bert/Offline/notes.txt"
    ]
    assert found(two, "submission-changed") == []
    (folder / "systems" / "notes.txt").write_text("")
    assert all(found(entry, "submission-changed") for entry in api.audit(folder).entries)
    shutil.rmtree(folder / "results/alder_2/bert")
    (two,) = api.audit(folder).entries
    gone = {os.path.dirname(f.where) for f in found(two, "submission-changed")}
    assert "results/alder_2/bert/Offline" in gone, (
        "an entry that was taken out is missed by those that are left"
    )


def test_a_countersignature_of_nobody_is_a_fail_with_keys(signed: Signed) -> None:
    signed.countersign(OWNER)
    (finding,) = found(audited(signed), "signature-bad")
    assert finding.where.startswith("countersignature.dsse.json")
    signed.countersign(AUDITOR)
    assert found(audited(signed), "signature-bad") == []


def test_a_manifest_edited_with_its_files_is_a_fail_with_keys(signed: Signed) -> None:
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    (signed.folder / MANIFEST).write_bytes(canonical(manifest | {"division": "closed"}))
    assert audited(signed, trust=False).verdict == "invalid"
    places = [finding.where for finding in found(audited(signed), "submission-changed")]
    assert "manifest.json#/division" in places
