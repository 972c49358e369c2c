"""workflow-sources: the power workflow is a release that the round accepts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.auditing.rules.rulebook import rulebook
from tests.auditing.rules import builders as b

RULE = "workflow-sources"
V50 = "mlperf-inference-v5.0"
KNOWN = dict(pair.split() for pair in rulebook(b.INFERENCE)["rules"][RULE]["accepts"]["sources"])


def set_sources(folder: Path, change: Callable[[dict[str, Any]], object], *sides: str) -> None:
    for side in sides or ("client", "server"):
        path = folder / "performance" / "power" / f"{side}.json"
        document = json.loads(path.read_text("utf-8"))
        change(document)
        path.write_text(json.dumps(document), "utf-8")


def real(root: Path) -> Path:
    """A clean session that does not say it is simulated, by the release of the published
    results."""
    folder = b.inference(root)
    b.describe(folder.parent, hw_notes="")
    set_sources(folder, lambda document: document.update(sources=dict(KNOWN)))
    return folder


def test_pass_release_of_the_published_results(tmp_path: Path) -> None:
    b.assert_pass(b.report(real(tmp_path)), RULE)


def test_pass_simulation_has_sources_of_its_own(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


def test_fail_changed_server_is_a_warning(tmp_path: Path) -> None:
    folder = real(tmp_path)
    set_sources(folder, lambda document: document["sources"].update({"lib/server.py": "0" * 40}))
    found = b.report(folder)
    b.assert_found(
        found, RULE, "warn", where="client.json", got="lib/server.py", expected="accepted release"
    )
    b.assert_found(
        found, RULE, "warn", where="server.json", got="lib/server.py", expected="accepted release"
    )
    assert not [f for f in b.of(found, RULE) if f.status == "fail"], "our list may lack a release"


def test_fail_server_left_out_of_the_sources(tmp_path: Path) -> None:
    folder = real(tmp_path)
    set_sources(folder, lambda document: document["sources"].pop("lib/server.py"), "server")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="server.json",
        got="no sha1 of lib/server.py",
        expected="each",
    )


def test_fail_sources_are_no_hashes(tmp_path: Path) -> None:
    folder = real(tmp_path)
    set_sources(folder, lambda document: document.update(sources=[7]), "client")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="client.json",
        got="no sha1 of client.py",
        expected="source",
    )


def test_skip_round_that_the_entry_does_not_state(tmp_path: Path) -> None:
    found = b.report(real(tmp_path), V50)
    b.assert_found(
        found,
        RULE,
        "skip",
        where="performance/power",
        got="no list of the round",
        expected="compare",
    )
    assert len(b.of(found, RULE)) == 1


def test_skip_a_neighbouring_rounds_list_is_not_used(tmp_path: Path) -> None:
    """A round without a rulebook accepted releases of its own: nothing is said of hashes that
    v4.1's list lacks."""
    (entry,) = api.read(real(tmp_path)).entries
    found = b.judge(replace(entry, round="mlperf-inference-v4.2"))
    assert found.round == b.INFERENCE
    b.assert_found(
        found,
        RULE,
        "skip",
        where="performance/power",
        got="no list of the round",
        expected="compare",
    )


RELEASES = {
    "v1.0": (
        "2ed36471c7af565d6c8438b2134edad1d7ddf166",
        "96c3c96250bf968a6c3e5d6b78669ae537a31ed3",
    ),
    "v1.1": (
        "24ae49fb193809cf47f2c18b1c9c7c866244be4d",
        "59c9fb92908260d3e9f81a895c7aa009742275e4",
    ),
    "v2.0": (
        "24ae49fb193809cf47f2c18b1c9c7c866244be4d",
        "59c9fb92908260d3e9f81a895c7aa009742275e4",
    ),
    "v2.1": (
        "24ae49fb193809cf47f2c18b1c9c7c866244be4d",
        "cda0cdfaee9bfa1249c64a7dd4f89b7bf1b279f0",
        "59c9fb92908260d3e9f81a895c7aa009742275e4",
    ),
    "v3.0": (
        "24ae49fb193809cf47f2c18b1c9c7c866244be4d",
        "cda0cdfaee9bfa1249c64a7dd4f89b7bf1b279f0",
    ),
    "v3.1": ("c7af63c31bb2fbedea4345f571f6e3507d268ada",),
    "v4.0": ("99303c836c683aa9017ec565104e636161d02acb",),
    "v5.0": ("9bc9a3b6b9b716520658ac175913bcbbdb354336",),
    "v5.1": ("9bc9a3b6b9b716520658ac175913bcbbdb354336",),
}
"""lib/server.py of the releases that results of each round state."""


@pytest.mark.parametrize("round_name", RELEASES)
def test_pass_each_round_accepts_the_releases_of_its_results_and_no_others(
    round_name: str, tmp_path: Path
) -> None:
    folder, name = real(tmp_path), f"mlperf-inference-{round_name}"
    accepted = [pair.split() for pair in rulebook(name)["rules"][RULE]["accepts"]["sources"]]
    assert (
        tuple(digest for source, digest in accepted if source == "lib/server.py")
        == RELEASES[round_name]
    )
    for server in (*RELEASES[round_name], "0" * 40):
        set_sources(
            folder, lambda d, s=server: d.update(sources=dict(accepted) | {"lib/server.py": s})
        )
        (entry,) = api.read(folder).entries
        found = b.of(b.judge(replace(entry, round=name)), RULE)
        assert [f.got for f in found] == (
            [] if server != "0" * 40 else ["sources unknown to us: lib/server.py"] * 2
        )
