"""workflow-sources: the power workflow is a release that the round accepts."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness import api
from harness.rules.rulebook import rulebook
from tests.rules import builders as b

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
    """A clean session that does not say it is simulated, by the release of the published results."""
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
    b.assert_found(found, RULE, "warn", where="client.json", got="lib/server.py", expected="accepted release")
    b.assert_found(found, RULE, "warn", where="server.json", got="lib/server.py", expected="accepted release")
    assert not [f for f in b.of(found, RULE) if f.status == "fail"], "our list may lack a release"


def test_fail_server_left_out_of_the_sources(tmp_path: Path) -> None:
    folder = real(tmp_path)
    set_sources(folder, lambda document: document["sources"].pop("lib/server.py"), "server")
    b.assert_found(b.report(folder), RULE, "fail", where="server.json", got="no sha1 of lib/server.py", expected="each")


def test_fail_sources_are_no_hashes(tmp_path: Path) -> None:
    folder = real(tmp_path)
    set_sources(folder, lambda document: document.update(sources=[7]), "client")
    b.assert_found(b.report(folder), RULE, "fail", where="client.json", got="no sha1 of client.py", expected="source")


def test_fail_round_without_a_list_is_a_skip(tmp_path: Path) -> None:
    found = b.report(real(tmp_path), V50)
    b.assert_found(found, RULE, "skip", where="performance/power", got="no list of the round", expected="compare")
    assert len(b.of(found, RULE)) == 1


def test_fail_a_neighbouring_rounds_list_is_not_used(tmp_path: Path) -> None:
    """v4.0 accepted releases of its own: nothing is said of hashes that v4.1's list lacks."""
    (entry,) = api.read(real(tmp_path)).entries
    found = b.judge(replace(entry, round="mlperf-inference-v4.0"))
    assert found.round == b.INFERENCE
    b.assert_found(found, RULE, "skip", where="performance/power", got="no list of the round", expected="compare")
