"""Plans that are signed and stamped before the runs, and anchors that an authority stamps.

The authority is a local one: `openssl ts` behind a small server.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.core.errors import UnreadableError
from harness.live.anchor import Anchor
from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.signing import dsse
from harness.signing.anchors import check_anchors
from harness.signing.plans import PLAN_TYPE, SIGNED_PLAN, sign_plan
from harness.signing.time_stamps import StampFailed, read_roots, request_stamp, stamped_ns
from tests.signing.conftest import OWNER, Signed
from tests.signing.test_records import ENTRY, sign_again

pytest.importorskip("rfc3161_client", reason="pip install 'joulemark[timestamp]'")
openssl = shutil.which("openssl")
pytestmark = pytest.mark.skipif(openssl is None, reason="openssl is missing: apt install openssl")

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = local authority
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamp]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = local
[local]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
signer_digest = sha256
tsa_name = no
"""


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority(NamedTuple):
    """A time-stamp authority. address: of its server; roots: file of its root certificate."""

    address: str
    roots: Path


def run_openssl(folder: Path, *arguments: str) -> None:
    assert openssl is not None
    subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("authority")
    (folder / "config").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    new_key = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-config",
        "config",
    )
    run_openssl(
        folder,
        "req",
        "-x509",
        *new_key,
        "-extensions",
        "root",
        "-days",
        "30",
        "-keyout",
        "root.key",
        "-out",
        "root.pem",
    )
    run_openssl(
        folder,
        "req",
        "-new",
        *new_key,
        "-subj",
        "/CN=stamps",
        "-keyout",
        "stamp.key",
        "-out",
        "stamp.csr",
    )
    run_openssl(
        folder,
        "x509",
        "-req",
        "-in",
        "stamp.csr",
        "-CA",
        "root.pem",
        "-CAkey",
        "root.key",
        "-CAcreateserial",
        "-days",
        "30",
        "-extfile",
        "config",
        "-extensions",
        "stamp",
        "-out",
        "stamp.pem",
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (folder / "query").write_bytes(query)
            run_openssl(
                folder,
                "ts",
                "-reply",
                "-config",
                "config",
                "-section",
                "local",
                "-queryfile",
                "query",
                "-signer",
                "stamp.pem",
                "-inkey",
                "stamp.key",
                "-out",
                "reply",
            )
            content = (folder / "reply").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Authority(f"http://127.0.0.1:{server.server_port}/", folder / "root.pem")
    server.shutdown()
    server.server_close()


LINK = "9f0c" * 16


def test_a_stamp_is_of_the_text_and_of_now(authority: Authority) -> None:
    import time

    stamp = request_stamp(authority.address, LINK)
    at_ns = stamped_ns(stamp, LINK, read_roots(authority.roots))
    assert abs(at_ns - time.time_ns()) < 60 * 10**9


def test_fail_stamp_of_another_text_or_of_a_stranger(authority: Authority, tmp_path: Path) -> None:
    stamp = request_stamp(authority.address, LINK)
    with pytest.raises(UnreadableError, match="no time stamp over this"):
        stamped_ns(stamp, LINK[::-1], read_roots(authority.roots))
    run_openssl(
        tmp_path,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=stranger",
        "-days",
        "3",
        "-keyout",
        "k",
        "-out",
        "stranger.pem",
    )
    with pytest.raises(UnreadableError, match="no time stamp over this"):
        stamped_ns(stamp, LINK, read_roots(tmp_path / "stranger.pem"))


@pytest.mark.parametrize("stamp", ["", "AAAA", "not base64", "MIIBIjANBg=="])
def test_fail_stamp_of_other_bytes(authority: Authority, stamp: str) -> None:
    with pytest.raises(UnreadableError):
        stamped_ns(stamp, LINK, read_roots(authority.roots))


def test_fail_no_authority_there() -> None:
    with pytest.raises(StampFailed, match="no time stamp"):
        request_stamp("http://127.0.0.1:1/", LINK)
    with pytest.raises(StampFailed):
        request_stamp("no address", LINK)


def test_fail_file_without_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(UnreadableError, match="no certificate"):
        read_roots(tmp_path / "x.pem")


def test_a_run_is_stamped_and_its_plan_signed_before_it(
    authority: Authority, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    settings = Settings(
        out=tmp_path / "runs",
        meters=("estimator",),
        idle_s=(0, 0),
        authority=authority.address,
        plan_key=key,
    )
    (recorded,) = measure(plan_command((sys.executable, "-c", "pass"), settings, name="w"))
    entry = recorded.folder.parent
    envelope = dsse.parse((entry / SIGNED_PLAN).read_bytes(), where="x")
    assert envelope.payload_type == PLAN_TYPE
    assert envelope.payload == (entry / "plan.json").read_bytes()
    assert dsse.is_signed_by(envelope, envelope.signatures[0], key.public_key())

    found = check_anchors(tmp_path / "runs", None, read_roots(authority.roots))
    assert found.missing == ()
    assert (found.stamped.count, found.held.count) == (3, 0)
    assert found.stamped.first is not None

    record_path = recorded.folder / "run.json"
    record = json.loads(record_path.read_bytes())
    record["window"]["start"] = "2020-01-01T00:00:00Z"
    record_path.write_text(json.dumps(record))
    late = check_anchors(tmp_path / "runs", None, read_roots(authority.roots))
    assert [item.got for item in late.missing] == ["a plan stamped after the run began"]


def test_a_link_is_stamped_without_any_file(authority: Authority) -> None:
    anchor = Anchor("", "run-1", (), authority.address)
    anchor.add("m.csv", LINK)
    (line,) = anchor.lines
    assert stamped_ns(line["stamp"], LINK, read_roots(authority.roots)) > 0


# Signatures over plans, in a signed submission


def with_plan(
    signed: Signed, content: bytes, signed_content: bytes, key: Ed25519PrivateKey
) -> None:
    folder = signed.folder / ENTRY
    (folder / "plan.json").write_bytes(content)
    sign_plan(folder, signed_content, key)
    sign_again(signed)


PLAN_CONTENT = b'{"created":"2026-03-01T00:00:00.000000000Z","runs":1}'


def test_verify_names_who_signed_the_plan(signed: Signed) -> None:
    with_plan(signed, PLAN_CONTENT, PLAN_CONTENT, signed.keys[OWNER])
    verification = signed.verified()
    assert verification.faults == []
    assert [name for name, _ in verification.plan_signers] == [OWNER]


@pytest.mark.parametrize("fault", ["other plan", "no plan"])
def test_a_bad_plan_does_not_hide_the_next(signed: Signed, fault: str) -> None:
    key = signed.keys[OWNER]
    first = signed.folder / ENTRY
    sign_plan(first, b"{}", key)
    if fault == "other plan":
        (first / "plan.json").write_bytes(PLAN_CONTENT)
    second = first / "run_1"
    (second / "plan.json").write_bytes(PLAN_CONTENT)
    sign_plan(second, PLAN_CONTENT, key)
    sign_again(signed)
    verification = signed.verified()
    assert verification.faults
    assert [name for name, _ in verification.plan_signers] == [OWNER]


@pytest.mark.parametrize("fault", ["stranger", "other plan", "no plan"])
def test_fail_signature_over_a_plan(signed: Signed, fault: str) -> None:
    key = Ed25519PrivateKey.generate() if fault == "stranger" else signed.keys[OWNER]
    other = PLAN_CONTENT.replace(b"1}", b"2}") if fault == "other plan" else PLAN_CONTENT
    with_plan(signed, PLAN_CONTENT, other, key)
    if fault == "no plan":
        (signed.folder / ENTRY / "plan.json").unlink()
        sign_again(signed)
    faults = signed.verified().faults
    assert [item.step for item in faults] == [9]
    assert SIGNED_PLAN in faults[0].where or "plan.json" in faults[0].where
