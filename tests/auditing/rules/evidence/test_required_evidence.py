"""required-evidence: a result without the logs of its round is not valid."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.core.files import sha256
from harness.traces.csv_store import write_csv
from harness.traces.store import read_trace
from tests.auditing.rules import builders as b
from tests.signing import live

RULE = "required-evidence"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return live.record(tmp_path / "live")


def test_pass_with_journals(run: Path) -> None:
    b.assert_pass(b.report(run.parent), RULE)


def test_fail_without_journals(run: Path) -> None:
    shutil.rmtree(run / "samples")
    record = json.loads((run / "run.json").read_bytes())
    files = [item for item in record["files"] if not item["path"].startswith("samples/")]
    record["facts"].pop("sampler")
    (run / "run.json").write_text(json.dumps(record | {"files": files}))
    report = b.report(run.parent)
    b.assert_found(report, RULE, "fail", where="run-1", got="no journals", expected="samplers")
    assert report.verdict == "invalid"


def test_fail_a_run_that_claims_a_round_of_power_sessions(run: Path) -> None:
    record = json.loads((run / "run.json").read_bytes())
    record["entry"] |= {"round": "mlperf-inference-v4.1", "task": "inference"}
    record["entry"].pop("origin")
    record |= {"facts": {}, "files": []}
    shutil.rmtree(run / "samples")
    shutil.rmtree(run / "log", ignore_errors=True)
    (run / "run.json").write_text(json.dumps(record))
    report = b.report(run.parent)
    b.assert_found(report, RULE, "fail", where="result", got="no logs", expected="demands")
    assert report.verdict == "invalid"


def test_question_an_import_that_names_its_sources(tmp_path: Path) -> None:
    b.inference(tmp_path / "tree")
    api.import_tree(tmp_path / "tree", out=tmp_path / "out")
    b.assert_found(
        b.report(tmp_path / "out"),
        RULE,
        "question",
        where="result",
        got="import",
        expected="demands",
    )


@pytest.mark.parametrize("ranks", [[], None])
def test_fail_an_edited_trace_whatever_ranks_the_record_states(run: Path, ranks: object) -> None:
    record = json.loads((run / "run.json").read_bytes())
    record["facts"]["ranks"] = ranks
    record["facts"].pop("sampler")
    trace = run / "traces" / "total.csv"
    stored = read_trace(trace)
    write_csv(replace(stored, value=stored.value * 0.5), trace)
    (item,) = record["traces"]
    item["sha256"] = sha256(trace.read_bytes())
    item["content_sha256"] = read_trace(trace).content_sha256
    (run / "run.json").write_text(json.dumps(record))
    b.assert_found(
        b.report(run.parent), "traces-from-journals", "fail", where="total", got="", expected=""
    )
