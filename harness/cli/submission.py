"""Commands for submissions: pack, keygen, sign, countersign, verify."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from harness.cli.base import FINDINGS, JSON, OK, TIMEOUT, UNREADABLE, cli, complain, emit, wrote
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.cli.live.options import OUT

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
SUBMISSION = click.argument("submission", type=FOLDER)
KEY = click.option("--key", required=True, type=FILE, help="Private key made by joulemark keygen.")
PASSPHRASE = "JOULEMARK_PASSPHRASE"


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--system",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="System description by the vendor (YAML).",
)
@click.option(
    "--division",
    default="open",
    show_default=True,
    type=click.Choice(["closed", "open"]),
    help="Division to submit to.",
)
@click.option(
    "--force", is_flag=True, help="Pack what an audit would refuse, and mark the submission."
)
@click.option("--private", is_flag=True, help="Pack files that name this machine or its user.")
@JSON
@OUT
def pack(
    paths: tuple[Path, ...],
    system: Path,
    division: str,
    force: bool,
    private: bool,
    as_json: bool,
    out: Path,
) -> int:
    """Pack run directories into a submission.

    Writes the manifest with the hashes of all files, and the system description.
    """
    from harness.submission.pack import pack as pack_runs

    packed = pack_runs(paths, system, out, division=division, force=force, private=private)
    notes = [f"{pointer} is empty: {description}" for pointer, description in packed.missing]
    for note_text in notes:
        complain(f"{system}#{note_text}")
    for finding in packed.forced:
        complain(f"packed by force: {finding}")
    submission = {
        "kind": "submission",
        "path": str(packed.folder),
        "valid": not packed.forced,
        "notes": [*notes, *packed.forced],
    }
    wrote("pack", [submission], as_json)
    return FINDINGS if packed.forced else OK


@cli.command()
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutputPath(folder=True),
    help="Folder to write both keys to.",
)
@mkdir_option
@click.option("--name", default="joulemark", show_default=True, help="Name of the key files.")
@click.option(
    "--passphrase",
    is_flag=True,
    help=f"Encrypt the key with {PASSPHRASE}, or ask for a passphrase.",
)
@JSON
def keygen(out: Path, name: str, passphrase: bool, as_json: bool) -> int:
    """Make a pair of keys (Ed25519) to sign with.

    Keep the private key secret, and hand out the line for trust files.
    """
    from harness.signing.keys import generate

    pair = generate(out, name, ask_passphrase(new=True) if passphrase else None)
    if as_json:
        public = {
            "kind": "public-key",
            "path": str(pair.public),
            "key_id": pair.id,
            "public_key": pair.line,
        }
        wrote("keygen", [{"kind": "private-key", "path": str(pair.private)}, public], as_json)
        return OK
    click.echo(f"private key: {pair.private} (keep it to yourself)")
    click.echo(f"public key:  {pair.public}")
    click.echo(f"key id:      {pair.id}")
    click.echo(f"trust file:  - {{public_key: {pair.line}}}")
    return OK


@cli.command()
@SUBMISSION
@KEY
@JSON
def sign(submission: Path, key: Path, as_json: bool) -> int:
    """Sign a packed submission.

    Writes an envelope over the manifest beside it.
    """
    from harness.signing.keys import read_private
    from harness.signing.sign import sign as sign_it

    path = sign_it(submission, read_private(key, ask_passphrase))
    wrote("sign", [{"kind": "signature", "path": str(path)}], as_json)
    return OK


@cli.command()
@SUBMISSION
@click.option(
    "--report",
    required=True,
    type=FILE,
    help="Report printed by joulemark audit SUBMISSION --json.",
)
@KEY
@JSON
def countersign(submission: Path, report: Path, key: Path, as_json: bool) -> int:
    """Sign, as an auditor, the report on a submission."""
    from harness.core.documents import read_document
    from harness.signing.countersign import countersign as sign_it
    from harness.signing.keys import read_private

    path = sign_it(
        submission, read_document("audit-report", report), read_private(key, ask_passphrase)
    )
    wrote("countersign", [{"kind": "countersignature", "path": str(path)}], as_json)
    return OK


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--trust", required=True, type=FILE, help="Trust file: the keys that are trusted, by owner."
)
@click.option("--report", type=FILE, help="Audit report that the countersignature must cover.")
@click.option("--anchors", type=FILE, help="Anchors that joulemark run --anchor set.")
@click.option(
    "--authority", type=FILE, help="Root certificates (PEM) of trusted time-stamp authorities."
)
@TIMEOUT
@JSON
def verify(
    paths: tuple[Path, ...],
    trust: Path,
    report: Path | None,
    anchors: Path | None,
    authority: Path | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Check who signed, and that nothing has changed since.

    Takes packed submissions and folders that hold some, like `audit`.
    """
    from harness.core.documents import read_document
    from harness.core.errors import JoulemarkError
    from harness.render.terminal.signatures import verification_document, verification_text
    from harness.signing.anchors import check_anchors_within
    from harness.signing.discovery import find_submissions
    from harness.signing.time_stamps import read_roots
    from harness.signing.trust import read_trust
    from harness.signing.verify import RECORDS_STEP, verify_within

    trusted = read_trust(trust)
    covered = None if report is None else read_document("audit-report", report)
    roots = [] if authority is None else read_roots(authority)
    verifications, unreadable = [], []
    for path in paths:
        try:
            for folder in find_submissions(path):
                verification = verify_within(folder, trusted, covered, timeout)
                if anchors is not None or authority is not None:
                    verification.anchors = check_anchors_within(folder, anchors, roots, timeout)
                    verification.add(RECORDS_STEP, verification.anchors.missing)
                verifications.append(verification)
        except JoulemarkError as error:
            unreadable.append((str(path), str(error)))
            complain(str(error))
    if as_json:
        emit("verification", verification_document(verifications, unreadable))
    else:
        click.echo(verification_text(verifications), nl=False)
    if unreadable:
        return UNREADABLE
    return FINDINGS if any(item.faults for item in verifications) else OK


def ask_passphrase(new: bool = False) -> bytes:
    """Take the passphrase of a key from the environment, or ask for it.

    Raises:
        UsageError: There is neither, or the passphrase is empty.
    """
    from harness.core.errors import UsageError

    passphrase = os.environ.get(PASSPHRASE)
    if passphrase is None and not sys.stdin.isatty():
        raise UsageError(
            "the key is locked, and there is no terminal to ask for its passphrase",
            fix=f"Set {PASSPHRASE}.",
        )
    if passphrase is None:
        passphrase = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
    if not passphrase:
        raise UsageError(
            "an empty passphrase locks nothing", fix=f"Set {PASSPHRASE}, or leave --passphrase out."
        )
    return str(passphrase).encode()
