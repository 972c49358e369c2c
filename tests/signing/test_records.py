"""What is signed is what is ranked: records that differ from the manifest fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.documents import canonical
from harness.core.files import sha256
from harness.signing.manifest import MANIFEST
from harness.signing.verify import Fault
from tests.signing.conftest import OWNER, Signed
from tests.signing.test_verify import envelope

ENTRY = "results/alder_2/resnet50/Offline"


def unchanged(_: dict[str, Any]) -> None:
    pass


def sign_again(signed: Signed, edit: Callable[[dict[str, Any]], object] = unchanged) -> None:
    """Write and sign a manifest that lists all files as they are now."""
    manifest = json.loads((signed.folder / MANIFEST).read_bytes())
    manifest["files"] = [
        {
            "path": path.relative_to(signed.folder).as_posix(),
            "bytes": path.stat().st_size,
            "sha256": sha256(path.read_bytes()),
        }
        for path in sorted(signed.folder.rglob("*"))
        if path.is_file() and path.parent != signed.folder
    ]
    edit(manifest)
    (signed.folder / MANIFEST).write_bytes(canonical(manifest))
    envelope(signed, canonical(manifest), OWNER)


def forge(signed: Signed, path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit a document of a submission, and sign again with the owner's key."""
    document = json.loads(path.read_bytes())
    edit(document)
    path.write_text(json.dumps(document))
    sign_again(signed)


def record_faults(signed: Signed) -> list[Fault]:
    """Return the faults of a submission whose signature and files are in order."""
    verification = signed.verified()
    assert {fault.step for fault in verification.faults} <= {9}
    assert verification.signers
    return verification.faults


def records(signed: Signed) -> list[Path]:
    return sorted((signed.folder / ENTRY).glob("*/run.json"))


def test_pass_what_pack_wrote(signed: Signed) -> None:
    assert record_faults(signed) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("submitter", "NVIDIA"),
        ("system", "H100"),
        ("benchmark", "bert"),
        ("scenario", "Server"),
        ("round", "mlperf-inference-v5.0"),
        ("division", "closed"),
    ],
)
def test_fail_a_record_that_states_something_else(field: str, value: str, signed: Signed) -> None:
    path = records(signed)[0]
    forge(signed, path, lambda document: document["entry"].update({field: value}))
    (fault,) = record_faults(signed)
    inside = path.relative_to(signed.folder).as_posix()
    assert fault.where == f"{inside}#/entry/{field}"
    assert value in fault.got


@pytest.mark.parametrize(("field", "value"), [("submitter", "NVIDIA"), ("system_name", "H100")])
def test_fail_a_description_that_states_something_else(
    field: str, value: str, signed: Signed
) -> None:
    path = signed.folder / ENTRY / "system.json"
    forge(signed, path, lambda document: document.update({field: value}))
    (fault,) = record_faults(signed)
    assert fault.where.endswith(f"system.json#/{field}")


def test_fail_runs_that_are_partly_simulated(signed: Signed) -> None:
    def flip(document: dict[str, Any]) -> None:
        document["entry"]["simulated"] = not document["entry"]["simulated"]

    last = records(signed)[-1]
    forge(signed, last, flip)
    (fault,) = record_faults(signed)
    assert fault.where == f"{last.relative_to(signed.folder).as_posix()}#/entry/simulated"


def test_fail_an_entry_in_another_folder(signed: Signed) -> None:
    sign_again(signed, lambda manifest: manifest["entries"][0].update(benchmark="bert"))
    assert ENTRY in [fault.where for fault in record_faults(signed)]


def test_fail_a_run_that_is_counted_and_missing(signed: Signed) -> None:
    sign_again(signed, lambda manifest: manifest["entries"][0].update(runs=9))
    (fault,) = record_faults(signed)
    assert "run records" in fault.got


def test_fail_a_result_outside_the_entries(signed: Signed) -> None:
    hidden = signed.folder / "results" / "H100" / "bert" / "run-1" / "run.json"
    hidden.parent.mkdir(parents=True)
    hidden.write_bytes(records(signed)[0].read_bytes())
    sign_again(signed)
    (fault,) = record_faults(signed)
    assert (fault.where, fault.got) == ("results/H100/bert/run-1/run.json", "a file of no entry")


def test_fail_a_record_deeper_in_an_entry(signed: Signed) -> None:
    hidden = signed.folder / ENTRY / "more" / "run-1" / "run.json"
    hidden.parent.mkdir(parents=True)
    hidden.write_bytes(records(signed)[0].read_bytes())
    sign_again(signed)
    assert f"{ENTRY}/more/run-1/run.json" in [fault.where for fault in record_faults(signed)]


def test_pass_records_of_the_ranks_of_a_run_count_with_their_run(signed: Signed) -> None:
    run = records(signed)[0]
    for rank in ("0", "1"):
        folder = run.parent / "ranks" / rank
        folder.mkdir(parents=True)
        (folder / run.name).write_bytes(run.read_bytes())
    sign_again(signed)
    assert record_faults(signed) == []
