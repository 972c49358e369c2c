"""keygen, sign, countersign and verify as a person meets them."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.schemas import check
from harness.signing.manifest import COUNTERSIGNATURE, ENVELOPE
from tests import command_line
from tests.command_line import REPOSITORY, Done
from tests.signing.conftest import Signed

NEW = {key: value for key, value in os.environ.items() if not key.startswith("JOULEMARK")} | {
    "PYTHONPATH": str(REPOSITORY),
    "PYTHONWARNINGS": "error",
}


def joulemark(*args: object, code: int = 0, **environment: str) -> Done:
    done = command_line.joulemark(*args, **environment)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def test_the_whole_way_as_the_documents_show_it(signed: Signed, tmp_path: Path) -> None:
    """Keys, trust file, signature, audit, countersignature, verification, a changed byte."""
    (signed.folder / ENVELOPE).unlink()
    lines = {}
    for name in ("labs", "watchers"):
        said = joulemark("keygen", "--out", tmp_path / "keys", "--name", name).stdout
        lines[name] = said.split("trust file:")[1].strip()
    trust = tmp_path / "trust.yaml"
    trust.write_text(
        f'schema_version: "1.0"\nsubmitters:\n  Tree Labs:\n    {lines["labs"]}\n'
        f"auditors:\n  Watchers:\n    {lines['watchers']}\n"
    )
    unsigned = joulemark("verify", signed.folder, "--trust", trust, code=1).stdout
    assert "step 1, envelope: manifest.dsse.json" in unsigned
    key = tmp_path / "keys" / "labs.key.pem"
    assert joulemark("sign", signed.folder, "--key", key).stdout.strip() == str(
        signed.folder / ENVELOPE
    )
    verified = joulemark("verify", signed.folder, "--trust", trust).stdout
    assert verified.startswith(f"verified  {signed.folder}: ")
    assert "signed by Tree Labs (key " in verified
    report = tmp_path / "audit.json"
    report.write_text(joulemark("audit", signed.folder, "--trust", trust, "--json").stdout)
    joulemark(
        "countersign",
        signed.folder,
        "--report",
        report,
        "--key",
        tmp_path / "keys" / "watchers.key.pem",
    )
    both = joulemark("verify", signed.folder, "--trust", trust, "--report", report).stdout
    assert "countersigned by Watchers (key " in both
    path = next(signed.folder.rglob("*.csv"))
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    changed = joulemark(
        "verify", signed.folder, "--trust", trust, "--report", report, code=1
    ).stdout
    assert changed.startswith(f"REFUSED   {signed.folder}: 1 finding\n")
    assert f"step 7, files: {path.relative_to(signed.folder).as_posix()}\n" in changed
    refused = joulemark("sign", signed.folder, "--key", key, code=2).stderr
    assert "is not what its manifest lists" in refused
    assert str(path) in refused
    audited = joulemark("audit", signed.folder, "--trust", trust, code=1)
    assert "another SHA-256 than the run record lists" in " ".join(audited.stdout.split())


def test_json_is_one_document_of_its_schema(signed: Signed, tmp_path: Path) -> None:
    signed.believe()
    (signed.folder / "more.txt").write_text("")
    done = joulemark(
        "verify", signed.folder, tmp_path / "none", "--trust", signed.trust_file, "--json", code=2
    )
    document = json.loads(done.stdout)
    check("verification", document)
    (item,) = document["submissions"]
    assert item["verified"] is False
    assert item["findings"] == [
        {
            "step": 7,
            "name": "files",
            "where": "more.txt",
            "got": "a file",
            "expected": "nothing: the manifest does not list it",
        }
    ]
    assert [signer["name"] for signer in item["signers"]] == ["Tree Labs"]
    assert document["unreadable"][0]["path"] == str(tmp_path / "none")
    (signed.folder / "more.txt").unlink()
    good = json.loads(
        joulemark("verify", signed.folder, "--trust", signed.trust_file, "--json").stdout
    )
    assert good["submissions"][0]["verified"] is True


@pytest.mark.parametrize(
    "content", [None, "", "{", "schema_version: '1.0'\n", "- a\n", "a: &x 1\nb: *x\n", "\x00"]
)
def test_a_trust_file_that_cannot_be_read_is_said_in_one_line(
    signed: Signed, tmp_path: Path, content: str
) -> None:
    if content is not None:
        (tmp_path / "trust.yaml").write_text(content)
    done = joulemark("verify", signed.folder, "--trust", tmp_path / "trust.yaml", code=2)
    assert len(done.stderr.splitlines()) == 1
    assert "trust.yaml" in done.stderr


def test_a_key_is_never_written_over_and_is_for_its_owner_only(tmp_path: Path) -> None:
    joulemark("keygen", "--out", tmp_path)
    key = tmp_path / "joulemark.key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert "there is a key already" in joulemark("keygen", "--out", tmp_path, code=2).stderr
    assert key.read_bytes() == before
    (tmp_path / "file").write_text("")
    assert "joulemark:" in joulemark("keygen", "--out", tmp_path / "file" / "below", code=2).stderr


def test_a_locked_key_asks_for_its_passphrase(signed: Signed, tmp_path: Path) -> None:
    joulemark("keygen", "--out", tmp_path, "--passphrase", JOULEMARK_PASSPHRASE="correct horse")
    key = tmp_path / "joulemark.key.pem"
    (signed.folder / ENVELOPE).unlink()
    nobody = joulemark("sign", signed.folder, "--key", key, code=2)
    assert "no terminal to ask" in nobody.stderr
    assert "JOULEMARK_PASSPHRASE" in nobody.stderr
    wrong = joulemark(
        "sign", signed.folder, "--key", key, code=2, JOULEMARK_PASSPHRASE="battery staple"
    )
    assert "passphrase may be wrong" in wrong.stderr
    assert (
        "empty passphrase"
        in joulemark(
            "keygen", "--out", tmp_path / "b", "--passphrase", code=2, JOULEMARK_PASSPHRASE=""
        ).stderr
    )
    assert not (signed.folder / ENVELOPE).exists()
    joulemark("sign", signed.folder, "--key", key, JOULEMARK_PASSPHRASE="correct horse")
    assert (signed.folder / ENVELOPE).exists()


def test_a_person_is_asked_twice_for_a_new_passphrase_which_is_not_shown(tmp_path: Path) -> None:
    here, there = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "harness", "keygen", "--out", str(tmp_path), "--passphrase"],
        stdin=there,
        stdout=there,
        stderr=there,
        cwd=REPOSITORY,
        env=NEW,
        start_new_session=True,
    )
    os.close(there)
    said = b""
    for prompt in (b"Passphrase: ", b"confirmation: "):
        while not said.endswith(prompt):
            said += os.read(here, 1000)
        os.write(here, b"correct horse\n")
    try:
        while more := os.read(here, 1000):
            said += more
    except OSError:  # the other side is closed: it has ended
        pass
    assert done.wait(30) == 0
    os.close(here)
    assert b"correct horse" not in said
    assert b"ENCRYPTED" in (tmp_path / "joulemark.key.pem").read_bytes()


def test_a_report_that_is_none_is_refused(signed: Signed, tmp_path: Path) -> None:
    signed.believe()
    joulemark("keygen", "--out", tmp_path)
    (tmp_path / "audit.json").write_text("{}")
    done = joulemark(
        "countersign",
        signed.folder,
        "--report",
        tmp_path / "audit.json",
        "--key",
        tmp_path / "joulemark.key.pem",
        code=2,
    )
    assert "audit-report" in done.stderr
    assert not (signed.folder / COUNTERSIGNATURE).exists()
    joulemark(
        "verify",
        signed.folder,
        "--trust",
        signed.trust_file,
        "--report",
        tmp_path / "audit.json",
        code=2,
    )


def test_sign_needs_a_submission(tmp_path: Path) -> None:
    joulemark("keygen", "--out", tmp_path)
    done = joulemark("sign", tmp_path, "--key", tmp_path / "joulemark.key.pem", code=2)
    assert "manifest.json" in done.stderr


def test_help_loads_no_cryptography() -> None:
    code = "import sys, harness.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += (
        "print([m for m in ('cryptography', 'numpy', 'harness.signing.keys') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "[]"
    score = "import sys, harness.api\nprint([m for m in ('cryptography',) if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", score], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "[]"
