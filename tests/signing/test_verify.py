"""A signed submission verifies; each change in it is found, at its place."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.documents import canonical
from harness.core.errors import JoulemarkError, SchemaError, UnreadableError, UsageError
from harness.core.timestamps import from_iso
from harness.signing import dsse
from harness.signing.countersign import COUNTERSIGNATURE_TYPE, countersign
from harness.signing.keys import key_id
from harness.signing.manifest import COUNTERSIGNATURE, ENVELOPE, MANIFEST, first_difference
from harness.signing.sign import MANIFEST_TYPE, sign
from harness.signing.trust import read_trust
from harness.signing.verify import STEPS, Fault, Verification, verify
from tests.signing.conftest import AUDITOR, OTHER, OWNER, Signed


def faults(found: Verification, step: int) -> list[Fault]:
    return [fault for fault in found.faults if fault.step == step]


def only(found: Verification, step: int, *, where: str, got: str = "", expected: str = "") -> Fault:
    """Return the one fault of a step; another manifest also makes the records differ."""
    (fault,) = [fault for fault in found.faults if step == 9 or fault.step != 9]
    assert fault.step == step, fault
    assert fault.where == where, fault
    assert got in fault.got, fault
    assert expected in fault.expected, fault
    return fault


def some_file(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("*.csv")))


def inside(signed: Signed, path: Path) -> str:
    return path.relative_to(signed.folder).as_posix()


def filled(folder: Path) -> list[Path]:
    """All files that hold a byte."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def resign(signed: Signed, edit: Callable[[dict[str, Any]], object], owner: str = OWNER) -> None:
    """Another manifest, signed anew by somebody."""
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    edit(manifest)
    (signed.folder / MANIFEST).write_bytes(canonical(manifest))
    envelope(signed, canonical(manifest), owner)


def envelope(signed: Signed, payload: bytes, *owners: str, kind: str = MANIFEST_TYPE) -> None:
    made = dsse.Envelope(kind, payload, ())
    for owner in owners:
        made = dsse.sign(kind, payload, signed.keys[owner], made.signatures)
    (signed.folder / ENVELOPE).write_bytes(dsse.dump(made))


def test_what_was_signed_verifies(signed: Signed) -> None:
    found = signed.verified()
    assert found.faults == []
    assert found.submitter == OWNER
    assert found.signers == [(OWNER, key_id(signed.keys[OWNER].public_key()))]
    assert found.auditors == []
    listed = json.loads((signed.folder / MANIFEST).read_bytes())["files"]
    assert found.files == len(listed) == sum(p.is_file() for p in signed.folder.rglob("*")) - 2
    assert len(STEPS) == 10


def test_the_payload_is_the_manifest(signed: Signed) -> None:
    made = dsse.parse((signed.folder / ENVELOPE).read_bytes(), where="e")
    assert made.payload == (signed.folder / MANIFEST).read_bytes()
    assert made.payload_type == "application/vnd.joulemark.manifest+json"


# Any byte


@settings(max_examples=250, deadline=None)
@given(data=st.data(), other=st.integers(1, 255))
def test_any_changed_byte_of_any_file_is_found_in_that_file(
    signed_once: Signed, data: st.DataObject, other: int
) -> None:
    trust = signed_once.believe()
    path = data.draw(
        st.sampled_from(
            sorted(p for p in signed_once.folder.rglob("*") if p.stat().st_size and p.is_file())
        )
    )
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    path.write_bytes(content[:at] + bytes([content[at] ^ other]) + content[at + 1 :])
    try:
        found = verify(signed_once.folder, trust)
    finally:
        path.write_bytes(content)
    name = inside(signed_once, path)
    assert any(fault.where.partition("#")[0] == name for fault in found.faults), (
        name,
        at,
        found.faults,
    )
    assert all(fault.got and fault.expected for fault in found.faults)
    if name not in (ENVELOPE, MANIFEST):
        only(found, 7, where=name, got="sha256 ", expected="sha256 ")
    elif name == MANIFEST:
        assert found.signers, "what was signed still holds; the file beside it does not"
        assert {fault.step for fault in found.faults} == {3}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_file_cut_or_grown_is_found(signed_once: Signed, data: st.DataObject) -> None:
    trust = signed_once.believe()
    path = data.draw(
        st.sampled_from(
            sorted(p for p in signed_once.folder.rglob("*") if p.stat().st_size and p.is_file())
        )
    )
    content = path.read_bytes()
    size = data.draw(st.sampled_from([0, len(content) // 2, len(content) - 1, len(content) + 1]))
    path.write_bytes((content + b"\n")[:size])
    try:
        found = verify(signed_once.folder, trust)
    finally:
        path.write_bytes(content)
    assert inside(signed_once, path) in {fault.where.partition("#")[0] for fault in found.faults}


# Files


def test_a_file_taken_out_is_found(signed: Signed) -> None:
    path = some_file(signed.folder)
    size = path.stat().st_size
    path.unlink()
    only(
        signed.verified(),
        7,
        where=inside(signed, path),
        got="nothing",
        expected=f"a file of {size} bytes",
    )


def test_a_file_put_in_is_found(signed: Signed) -> None:
    path = some_file(signed.folder).with_name("notes.txt")
    path.write_text("")
    only(
        signed.verified(), 7, where=inside(signed, path), got="a file", expected="does not list it"
    )


@pytest.mark.parametrize(
    "name", [".hidden", "manifest.json.bak", "systems/" + MANIFEST, "results/" + ENVELOPE]
)
def test_no_name_hides_a_file(signed: Signed, name: str) -> None:
    (signed.folder / name).write_text("x")
    only(signed.verified(), 7, where=name, got="a file", expected="does not list it")


def test_a_file_under_another_name_is_found_twice(signed: Signed) -> None:
    path = some_file(signed.folder)
    path.rename(path.with_suffix(".CSV"))
    found = {fault.where: fault.got for fault in signed.verified().faults}
    assert found == {
        inside(signed, path): "nothing",
        inside(signed, path.with_suffix(".CSV")): "a file",
    }


def test_two_files_that_changed_places_are_found(signed: Signed) -> None:
    one, other = some_file(signed.folder), next((signed.folder / "systems").iterdir())
    one.rename(signed.root / "aside")
    other.rename(one)
    (signed.root / "aside").rename(other)
    assert {fault.where for fault in signed.verified().faults} == {
        inside(signed, one),
        inside(signed, other),
    }


@pytest.mark.parametrize(
    "what", ["link to the file", "link of a folder", "folder", "pipe", "link put in"]
)
def test_what_is_no_file_is_found(signed: Signed, what: str) -> None:
    path = some_file(signed.folder)
    away = signed.root / "away"
    if what == "link of a folder":
        path = path.parent
    if what == "link put in":
        path = path.with_name("more")
    else:
        path.rename(away)
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(away if away.exists() else signed.root)
    found = signed.verified()
    name = inside(signed, path)
    assert {fault.step for fault in found.faults} == {7}
    assert any(fault.where.startswith(name) for fault in found.faults)
    if "link" in what:
        assert any(fault.where == name and fault.got == "a link" for fault in found.faults)


def test_a_name_that_is_no_text_is_shown_as_far_as_it_goes(signed: Signed) -> None:
    try:
        with open(os.fsencode(signed.folder) + b"/\xff\x1b[31m", "wb"):
            pass
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    fault = only(signed.verified(), 7, where="\ufffd\ufffd[31m", got="a file")
    fault.where.encode()


def test_a_folder_that_cannot_be_listed_is_found(
    signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = signed.believe()

    scan = os.scandir

    def refusing(folder: Path) -> object:
        if folder.name == "systems":
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    found = {fault.where: fault.got for fault in verify(signed.folder, trust).faults}
    assert "Permission denied" in found["systems/?"]
    assert found["systems/alder_2.json"] == "nothing"


def test_a_file_listed_twice_is_found(signed: Signed) -> None:
    resign(signed, lambda m: m["files"].append(m["files"][0]))
    only(
        signed.verified(),
        7,
        where=json.loads((signed.folder / MANIFEST).read_bytes())["files"][0]["path"],
        got="listed 2 times",
    )


# Manifest and envelope


def test_an_edited_manifest_is_found_by_its_pointer(signed: Signed) -> None:
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    manifest["entries"][0]["scenario"] = "Server"
    (signed.folder / MANIFEST).write_bytes(canonical(manifest))
    only(
        signed.verified(),
        3,
        where="manifest.json#/entries/0/scenario",
        got='"Server"',
        expected='"Offline"',
    )


def test_an_edited_manifest_with_new_hashes_is_found_in_both(signed: Signed) -> None:
    path = some_file(signed.folder)
    path.write_bytes(path.read_bytes() + b"\n")
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    number = next(
        n for n, item in enumerate(manifest["files"]) if item["path"] == inside(signed, path)
    )
    manifest["files"][number]["bytes"] += 1
    (signed.folder / MANIFEST).write_bytes(canonical(manifest))
    found = signed.verified()
    assert [fault.where for fault in found.faults] == [
        f"manifest.json#/files/{number}/bytes",
        inside(signed, path),
    ]


def test_a_manifest_that_is_laid_out_is_another(signed: Signed) -> None:
    content = json.dumps(json.loads((signed.folder / MANIFEST).read_bytes()), indent=2)
    (signed.folder / MANIFEST).write_text(content)
    only(signed.verified(), 3, where=MANIFEST, got="byte 1: b'\\n")
    envelope(signed, content.encode(), OWNER)
    only(
        signed.verified(),
        4,
        where=f"{ENVELOPE}#/payload",
        got="not in its canonical spelling",
        expected="RFC 8785",
    )


def test_a_manifest_taken_out_is_found(signed: Signed) -> None:
    (signed.folder / MANIFEST).unlink()
    found = signed.verified()
    only(found, 3, where=MANIFEST, got="No such file")
    assert found.files == len(found.listed)


def test_an_envelope_taken_out_is_found_and_files_are_still_looked_at(signed: Signed) -> None:
    (signed.folder / ENVELOPE).unlink()
    found = signed.verified()
    only(found, 1, where=ENVELOPE, got="No such file")
    assert not found.enveloped
    assert found.signers == []
    some_file(signed.folder).write_text("x")
    assert {fault.step for fault in signed.verified().faults} == {1, 7}


def test_a_folder_without_either_is_no_submission(tmp_path: Path, signed: Signed) -> None:
    for folder in (tmp_path / "none", signed.folder / "results"):
        with pytest.raises(UnreadableError, match="is not a submission"):
            verify(folder, signed.believe())


def test_the_envelope_of_another_submission_is_found(signed: Signed) -> None:
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    envelope(signed, canonical(manifest | {"division": "closed"}), OWNER)
    only(signed.verified(), 3, where="manifest.json#/division", got='"open"', expected='"closed"')


def test_a_payload_put_under_a_signature_is_found(signed: Signed) -> None:
    there = dsse.parse((signed.folder / ENVELOPE).read_bytes(), where="e")
    payload = there.payload.replace(b'"open"', b'"closed"')
    assert payload != there.payload
    (signed.folder / MANIFEST).write_bytes(payload)
    (signed.folder / ENVELOPE).write_bytes(
        dsse.dump(dsse.Envelope(MANIFEST_TYPE, payload, there.signatures))
    )
    only(
        signed.verified(), 5, where=f"{ENVELOPE}#/signatures/0", got="did not make", expected=OWNER
    )


def test_a_signature_for_another_purpose_is_none(signed: Signed) -> None:
    envelope(signed, (signed.folder / MANIFEST).read_bytes(), OWNER, kind=COUNTERSIGNATURE_TYPE)
    only(
        signed.verified(),
        2,
        where=f"{ENVELOPE}#/payloadType",
        got="countersignature",
        expected="manifest",
    )


def test_a_huge_envelope_is_not_read(signed: Signed) -> None:
    with (signed.folder / ENVELOPE).open("r+b") as file:
        file.truncate(10 * 2**30)
    only(
        signed.verified(),
        1,
        where=ENVELOPE,
        got="too large",
        expected=f"at most {dsse.MAX_ENVELOPE_BYTES}",
    )


def test_an_envelope_that_is_a_link_is_not_followed(signed: Signed) -> None:
    (signed.folder / ENVELOPE).rename(signed.root / "away")
    (signed.folder / ENVELOPE).symlink_to(signed.root / "away")
    only(signed.verified(), 1, where=ENVELOPE, got="symbolic link")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 5000,
        b'{"a":' * 5000,
        b"\xff",
        b"1e999",
        b'{"schema_version":"1.0"}',
        b'{"schema_version":"2.0"}',
        b"9" * 400,
    ],
    ids=lambda payload: payload[:20].decode("latin-1"),
)
def test_what_is_signed_and_no_manifest_is_found(signed: Signed, payload: bytes) -> None:
    (signed.folder / MANIFEST).write_bytes(payload)
    envelope(signed, payload, OWNER)
    found = signed.verified()
    assert found.files == 0
    (fault,) = found.faults
    assert fault.step == 4
    assert fault.where.startswith(f"{ENVELOPE}#/payload")


def test_a_number_that_has_no_canonical_form_is_found(signed: Signed) -> None:
    content = (
        (signed.folder / MANIFEST).read_bytes().replace(b'"bytes":', b'"bytes":9007199254740993', 1)
    )
    (signed.folder / MANIFEST).write_bytes(content)
    envelope(signed, content, OWNER)
    assert faults(signed.verified(), 4)


def test_a_date_that_is_none_is_found(signed: Signed) -> None:
    resign(signed, lambda m: m.update(created="2026-13-45T99:00:00Z"))
    only(
        signed.verified(),
        6,
        where=f"{ENVELOPE}#/signatures/0",
        got="is not a time",
        expected="a date",
    )
    some_file(signed.folder).write_text("x")
    assert [fault.step for fault in signed.verified().faults] == [6, 7]


# Keys


def test_a_key_that_nobody_knows_is_not_enough(signed: Signed) -> None:
    envelope(signed, (signed.folder / MANIFEST).read_bytes(), AUDITOR)
    only(
        signed.verified(),
        5,
        where=f"{ENVELOPE}#/signatures/0",
        got=f"of auditor {AUDITOR}",
        expected=OWNER,
    )
    document = {"schema_version": "1.0", "submitters": {}}
    signed.trust_file.write_text(json.dumps(document))
    fault = only(
        verify(signed.folder, read_trust(signed.trust_file)), 5, where=f"{ENVELOPE}#/signatures/0"
    )
    assert "which the trust file does not name" in fault.got


def test_a_key_of_another_submitter_is_not_enough(signed: Signed) -> None:
    envelope(signed, (signed.folder / MANIFEST).read_bytes(), OTHER)
    only(
        signed.verified(),
        5,
        where=f"{ENVELOPE}#/signatures/0",
        got=f"of submitter {OTHER}",
        expected=OWNER,
    )


def test_another_name_in_the_manifest_needs_the_key_of_that_name(signed: Signed) -> None:
    resign(signed, lambda m: m.update(submitter=OTHER))
    only(
        signed.verified(),
        5,
        where=f"{ENVELOPE}#/signatures/0",
        got=f"of submitter {OWNER}",
        expected=OTHER,
    )


def test_the_id_of_a_key_is_a_hint_only(signed: Signed) -> None:
    there = dsse.sign(MANIFEST_TYPE, (signed.folder / MANIFEST).read_bytes(), signed.keys[OTHER])
    forged = dsse.Signature(key_id(signed.keys[OWNER].public_key()), there.signatures[0].value)
    (signed.folder / ENVELOPE).write_bytes(
        dsse.dump(dsse.Envelope(MANIFEST_TYPE, there.payload, (forged,)))
    )
    only(signed.verified(), 5, where=f"{ENVELOPE}#/signatures/0", got="did not make")


@pytest.mark.parametrize(
    ("about", "got", "expected"),
    [
        ({"not_after": "2026-01-01T00:00:00Z"}, "dated 2", "not after 2026-01-01T00:00:00Z"),
        (
            {"not_before": "2090-01-01T00:00:00+01:00"},
            "dated 2",
            "not before 2090-01-01T00:00:00+01:00",
        ),
        (
            {"revoked": "the notebook was stolen"},
            "revoked: the notebook was stolen",
            "a key that is not revoked",
        ),
    ],
    ids=["expired", "not yet", "revoked"],
)
def test_a_key_that_does_not_hold_is_not_enough(
    signed: Signed, about: dict[str, str], got: str, expected: str
) -> None:
    resign(signed, lambda m: m.update(created="2026-06-01T00:00:00Z"))
    found = signed.verified(**about)
    only(found, 6, where=f"{ENVELOPE}#/signatures/0", got=got, expected=expected)
    assert found.signers == []


@pytest.mark.parametrize("date", ["2026-06-01T00:00:00Z", "2026-06-01T01:00:00.000000000+01:00"])
def test_the_bounds_of_a_key_belong_to_it(signed: Signed, date: str) -> None:
    resign(signed, lambda m: m.update(created="2026-06-01T00:00:00Z"))
    assert signed.verified(not_before=date, not_after=date).faults == []


def test_two_signatures_both_count(signed: Signed) -> None:
    manifest = (signed.folder / MANIFEST).read_bytes()
    envelope(signed, manifest, OWNER, OTHER)
    only(signed.verified(), 5, where=f"{ENVELOPE}#/signatures/1", got=f"of submitter {OTHER}")
    trust = json.loads(signed.trust_file.read_text())
    trust["submitters"][OWNER] += trust["submitters"][OTHER]
    signed.trust_file.write_text(json.dumps(trust))
    found = verify(signed.folder, read_trust(signed.trust_file))
    assert found.faults == []
    assert [name for name, _ in found.signers] == [OWNER, OWNER]


# Signing


def test_signing_again_changes_nothing_and_another_key_adds_to_it(signed: Signed) -> None:
    before = (signed.folder / ENVELOPE).read_bytes()
    sign(signed.folder, signed.keys[OWNER])
    assert (signed.folder / ENVELOPE).read_bytes() == before
    sign(signed.folder, signed.keys[OTHER])
    made = dsse.parse((signed.folder / ENVELOPE).read_bytes(), where="e")
    assert [item.key for item in made.signatures] == [
        key_id(signed.keys[n].public_key()) for n in (OWNER, OTHER)
    ]


@pytest.mark.parametrize("how", ["changed", "added", "removed"])
def test_what_does_not_match_its_manifest_is_not_signed(signed: Signed, how: str) -> None:
    path = some_file(signed.folder)
    (signed.folder / ENVELOPE).unlink()
    if how == "changed":
        path.write_text("x")
    elif how == "removed":
        path.unlink()
    else:
        path = path.with_name("more.txt")
        path.write_text("")
    with pytest.raises(UsageError, match="is not what its manifest lists") as caught:
        sign(signed.folder, signed.keys[OWNER])
    assert caught.value.where == str(path)
    assert "more differences" not in caught.value.got
    assert not (signed.folder / ENVELOPE).exists()


def test_what_differs_in_several_files_is_counted(signed: Signed) -> None:
    (signed.folder / ENVELOPE).unlink()
    for name in ("one.txt", "three.txt", "two.txt"):
        some_file(signed.folder).with_name(name).write_text("")
    with pytest.raises(UsageError, match="is not what its manifest lists") as caught:
        sign(signed.folder, signed.keys[OWNER])
    assert caught.value.got.endswith(", and 2 more differences")


def test_an_envelope_over_something_else_is_not_written_over(signed: Signed) -> None:
    resign(signed, lambda m: m.update(round="other"))
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    (signed.folder / MANIFEST).write_bytes(canonical(manifest | {"round": "third"}))
    before = (signed.folder / ENVELOPE).read_bytes()
    with pytest.raises(UsageError, match="is a signature of something else"):
        sign(signed.folder, signed.keys[OWNER])
    assert (signed.folder / ENVELOPE).read_bytes() == before


# Countersigning


def test_a_countersignature_covers_manifest_and_report(signed: Signed) -> None:
    signed.countersign()
    report = signed.report()
    found = verify(signed.folder, signed.believe(), report)
    assert found.faults == []
    assert [name for name, _ in found.auditors] == [AUDITOR]
    stated = json.loads(
        dsse.parse((signed.folder / COUNTERSIGNATURE).read_bytes(), where="c").payload
    )
    assert [entry["verdict"] for entry in stated["entries"]] == ["questioned"]
    assert stated["submitter"] == OWNER
    assert signed.verified().auditors == found.auditors


def test_another_report_is_found(signed: Signed) -> None:
    signed.countersign()
    report = signed.report()
    report["entries"][0]["verdict"] = "invalid"
    found = verify(signed.folder, signed.believe(), report)
    only(
        found,
        8,
        where=f"{COUNTERSIGNATURE}#/entries/0/verdict",
        got='"questioned"',
        expected='"invalid"',
    )
    report = signed.report()
    report["entries"][0]["notes"] = ["more"]
    found = verify(signed.folder, signed.believe(), report)
    only(found, 8, where=f"{COUNTERSIGNATURE}#/report_sha256")
    report["entries"] = []
    found = verify(signed.folder, signed.believe(), report)
    assert [fault.step for fault in found.faults] == [8]
    assert "the report leaves out an entry" in found.faults[0].got


def test_a_report_without_a_countersignature_is_found(signed: Signed) -> None:
    only(
        verify(signed.folder, signed.believe(), signed.report()),
        8,
        where=COUNTERSIGNATURE,
        got="No such file",
    )


def test_a_countersignature_of_another_manifest_is_found(signed: Signed) -> None:
    signed.countersign()
    resign(signed, lambda m: m.update(created="2026-06-01T00:00:00Z"))
    only(signed.verified(), 8, where=f"{COUNTERSIGNATURE}#/manifest_sha256")


@pytest.mark.parametrize("owner", [OWNER, OTHER])
def test_a_submitter_is_no_auditor(signed: Signed, owner: str) -> None:
    signed.countersign(owner)
    only(
        signed.verified(),
        8,
        where=f"{COUNTERSIGNATURE}#/signatures/0",
        got=f"of submitter {owner}",
        expected="audit",
    )


def test_a_countersignature_over_another_type_is_found(signed: Signed) -> None:
    signed.countersign()
    path = signed.folder / COUNTERSIGNATURE
    path.write_bytes(canonical(json.loads(path.read_text()) | {"payloadType": "text/plain"}))
    only(signed.verified(), 8, where=f"{COUNTERSIGNATURE}#/payloadType", got="text/plain")


def test_a_revoked_key_of_an_auditor_is_a_fault_of_the_countersignature(signed: Signed) -> None:
    signed.countersign()
    signed.believe()
    document = json.loads(signed.trust_file.read_text())
    document["auditors"][AUDITOR][0]["revoked"] = "left"
    signed.trust_file.write_text(json.dumps(document))
    found = verify(signed.folder, read_trust(signed.trust_file))
    only(found, 8, where=f"{COUNTERSIGNATURE}#/signatures/0", got="revoked: left")
    assert found.auditors == []


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5000])
def test_a_countersignature_that_is_none_is_found(signed: Signed, content: bytes) -> None:
    (signed.folder / COUNTERSIGNATURE).write_bytes(content)
    only(signed.verified(), 8, where=COUNTERSIGNATURE)


@settings(max_examples=80, deadline=None)
@given(at=st.integers(0), other=st.integers(1, 255))
def test_any_changed_byte_of_a_countersignature_is_found(
    signed_once: Signed, at: int, other: int
) -> None:
    target = signed_once.folder / COUNTERSIGNATURE
    if not target.exists():
        signed_once.countersign()
    whole = target.read_bytes()
    content = bytearray(whole)
    content[at % len(content)] ^= other
    target.write_bytes(bytes(content))
    try:
        found = signed_once.verified()
    finally:
        target.write_bytes(whole)
        target.unlink()
    assert found.faults
    assert {fault.where.partition("#")[0] for fault in found.faults} == {COUNTERSIGNATURE}


def test_only_what_is_signed_and_whole_is_countersigned_and_once(signed: Signed) -> None:
    report, key = signed.report(), signed.keys[AUDITOR]
    kept = (signed.folder / ENVELOPE).read_bytes()
    (signed.folder / ENVELOPE).unlink()
    with pytest.raises(UsageError, match="is not signed"):
        countersign(signed.folder, report, key)
    (signed.folder / ENVELOPE).write_bytes(kept)
    with pytest.raises(UsageError, match="leaves out an entry"):
        countersign(signed.folder, report | {"entries": []}, key)
    countersign(signed.folder, report, key)
    with pytest.raises(UsageError, match="there is a countersignature already"):
        countersign(signed.folder, report, key)
    (signed.folder / COUNTERSIGNATURE).unlink()
    some_file(signed.folder).write_text("x")
    with pytest.raises(UsageError, match="is not what its manifest lists"):
        countersign(signed.folder, report, key)
    assert not (signed.folder / COUNTERSIGNATURE).exists()


def test_an_entry_that_could_not_be_read_is_countersigned_as_unjudged(signed: Signed) -> None:
    report = signed.report()
    name = report["entries"][0]["id"]
    report |= {"entries": [], "unreadable": [{"path": name, "reason": "x"}]}
    countersign(signed.folder, report, signed.keys[AUDITOR])
    stated = json.loads(
        dsse.parse((signed.folder / COUNTERSIGNATURE).read_bytes(), where="c").payload
    )
    assert stated["entries"] == [{"id": name, "verdict": "unjudged"}]


# Trust files


def test_a_trust_file_in_yaml(signed: Signed) -> None:
    signed.believe()
    lines = {
        n: k["public_key"]
        for n, (k,) in json.loads(signed.trust_file.read_text())["submitters"].items()
    }
    path = signed.root / "trust.yaml"
    path.write_text(
        f'schema_version: "1.0"\nsubmitters:\n  {OWNER}:\n    - public_key: {lines[OWNER]}\n'
        '      not_after: "2090-01-01T00:00:00Z"\n'
    )
    assert verify(signed.folder, read_trust(path)).faults == []


def test_the_trust_file_of_the_documents_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/how-to/sign-and-verify.md").read_text("utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    (tmp_path / "trust.yaml").write_text(block)
    trust = read_trust(tmp_path / "trust.yaml")
    assert trust.submitters.keys() == {OWNER}
    first, second = trust.submitters[OWNER]
    now_ns = from_iso("2028-01-01T00:00:00Z")
    assert first.fault("2026-06-01T00:00:00Z", now_ns) is None
    assert first.fault("2027-06-01T00:00:00Z", now_ns) == (
        "dated 2027-06-01T00:00:00Z",
        "not after 2026-12-31T23:59:59Z",
    )
    assert second.fault("2026-06-01T00:00:00Z", now_ns) == (
        "revoked: the notebook was stolen on 2026-02-03",
        "a key that is not revoked",
    )


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [("Revoked", "stolen", "revoked"), ("not_afer", "2020-01-01T00:00:00Z", "not_after")],
)
def test_a_misspelled_restriction_of_a_key_is_refused(
    field: str, value: str, remedy: str, signed: Signed
) -> None:
    with pytest.raises(SchemaError, match=f"Did you mean {remedy}") as caught:
        signed.believe(**{field: value})
    assert caught.value.where.endswith(f"/{field}")


def test_a_key_revoked_in_one_place_is_revoked_in_all(signed: Signed) -> None:
    signed.believe()
    document = json.loads(signed.trust_file.read_text())
    key = document["submitters"][OWNER][0]
    document["auditors"]["Former"] = [key | {"revoked": "left"}]
    signed.trust_file.write_text(json.dumps(document))
    found = verify(signed.folder, read_trust(signed.trust_file))
    only(found, 6, where=f"{ENVELOPE}#/signatures/0", got="revoked: left")
    assert found.signers == []


def test_a_date_in_the_future_does_not_count(signed: Signed) -> None:
    resign(signed, lambda manifest: manifest.update(created="2990-01-01T00:00:00Z"))
    found = signed.verified()
    only(found, 6, where=f"{ENVELOPE}#/signatures/0", got="which is in the future")
    assert found.signers == []


def test_a_signature_given_twice_counts_once(signed: Signed) -> None:
    made = dsse.parse((signed.folder / ENVELOPE).read_bytes(), where="e")
    twice = dsse.Envelope(made.payload_type, made.payload, made.signatures * 2)
    (signed.folder / ENVELOPE).write_bytes(dsse.dump(twice))
    found = signed.verified()
    assert found.faults == []
    assert len(found.signers) == 1


def test_a_trust_file_that_makes_no_sense_is_refused(signed: Signed) -> None:
    signed.believe()
    document = json.loads(signed.trust_file.read_text())
    key = document["submitters"][OWNER][0]
    for keys, words in (
        ([key, key], "states the same key twice"),
        (
            [{"public_key": key["public_key"][:58] + "B="}],
            "is not an Ed25519 public key|not a valid trust",
        ),
        ([key | {"not_before": "2026-02-30T00:00:00Z"}], "is not a time"),
    ):
        signed.trust_file.write_text(json.dumps(document | {"submitters": {OWNER: keys}}))
        with pytest.raises(JoulemarkError, match=words) as caught:
            read_trust(signed.trust_file)
        assert isinstance(caught.value, SchemaError | UnreadableError)
        assert f"#/submitters/{OWNER}" in caught.value.where


# Where two documents differ


@pytest.mark.parametrize(
    ("found", "expected", "where", "got"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, "#/a/1", "2"),
        ({"a": [1]}, {"a": [1, 3]}, "#/a/1", "nothing"),
        ({"a": 1, "b": 2}, {"a": 1}, "#/b", "2"),
        ({"a": 1}, {"a": 1, "x/y~": 2}, "#/x~1y~0", "nothing"),
        ({"a": True}, {"a": 1}, "#/a", "true"),
        ({"a": {}}, {"a": []}, "#/a", "{}"),
        ([], {}, "#", "[]"),
    ],
)
def test_a_difference_is_a_pointer(found: Any, expected: Any, where: str, got: str) -> None:
    place = first_difference(json.dumps(found).encode(), json.dumps(expected).encode(), "m")
    assert (place.where, place.got) == (f"m{where}", got)


def test_a_difference_in_spelling_or_in_what_is_no_json_is_a_byte() -> None:
    assert first_difference(b'{"a": 1}', b'{"a":1}', "m").where == "m"
    assert first_difference(b'{"a": 1}', b'{"a":1}', "m").got == "byte 5: b' 1}'"
    assert first_difference(b"{", b"{}", "m").got == "byte 1: b''"
    deep = b'{"a":' * 400 + b"1" + b"}" * 400
    assert first_difference(deep, deep.replace(b"1", b"2"), "m").where == "m#" + "/a" * 400


def test_a_copy_elsewhere_verifies_too(signed: Signed, tmp_path: Path) -> None:
    shutil.copytree(signed.folder, tmp_path / "copy")
    assert verify(tmp_path / "copy", signed.believe()).faults == []
