"""The audit: it never raises, hides nothing, and does not depend on the order of entries."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lab_simulator import TrainingForm

from harness import api
from harness.auditing import engine as audit
from harness.auditing.near_duplicates import near_duplicates
from harness.auditing.relations import equal_traces, in_memory
from harness.auditing.report import VERDICTS
from harness.auditing.rules import RULES
from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.rulebook import rulebook
from harness.core.errors import UsageError
from harness.energy import evaluation
from harness.energy.run import RunEnergy, run_energy
from harness.formats.base import Defect, Entry, Run
from harness.formats.defects import DefectCode
from harness.render.audit_report.document import audit_document
from tests.auditing.rules import builders as b


def clean() -> b.Entry:
    noise = np.random.default_rng(5).normal(0, 4, 611)
    return b.entry(b.run(b.trace(range(-5, 606), (400 + noise).round(2))))


def breaking(rule_id: str, monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """Make one rule raise, after it has yielded some findings."""

    def check(case: RuleContext) -> Iterator[Violation]:
        for number in range(after):
            yield Violation(f"place {number}", "got", "expected", "fix")
        raise ZeroDivisionError(case.entry.id)

    rules = tuple(replace(rule, check=check) if rule.id == rule_id else rule for rule in RULES)
    monkeypatch.setattr(audit, "RULES", rules)


def test_clean_entry_is_valid_and_silent_but_for_the_skips() -> None:
    found = b.judge(clean())
    assert found.verdict == "valid"
    assert {f.status for f in found.findings} == {"skip"}


@pytest.mark.parametrize("rule_id", sorted(rulebook(b.OWN)["rules"]))
def test_a_rule_that_raises_is_an_error_and_the_entry_unjudged(
    rule_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking(rule_id, monkeypatch)
    found = b.judge(clean())
    assert found.verdict == "unjudged"
    (error,) = [f for f in found.findings if f.status == "error"]
    assert (error.rule, error.got) == (rule_id, "ZeroDivisionError: e")
    assert error.fix
    assert error.clause


def test_a_rule_that_raises_hides_no_other_and_keeps_what_it_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaking("time-order", monkeypatch, after=2)
    found = b.judge(b.entry(b.run(b.trace([0, *range(20, 606)]))))
    assert found.verdict == "invalid", "a breach stands, whatever else broke"
    assert [f.where for f in b.of(found, "time-order")] == ["e", "place 0", "place 1"]
    assert b.of(found, "largest-gap")


def test_findings_come_worst_first(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking("clock-zone", monkeypatch)
    found = b.judge(b.entry(b.run(b.trace([0, 0, *range(20, 606)]))))
    assert [f.status for f in found.findings] == sorted(
        (f.status for f in found.findings), key=["fail", "error", "warn", "skip"].index
    )
    assert {f.status for f in found.findings} == {"fail", "error", "warn", "skip"}


def test_an_energy_that_cannot_be_computed_is_an_error_of_the_tool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other run is judged all the same."""

    def breaking(entry: Entry, run: Run) -> RunEnergy:
        if run.id == "bad":
            raise ZeroDivisionError(run.id)
        return run_energy(entry, run)

    monkeypatch.setattr(evaluation, "run_energy", breaking)
    bad = b.run(b.trace(range(-5, 606)), id="bad", sources=("bad.json",))
    good = b.run(b.trace(range(-5, 570)), id="good")
    found = b.judge(b.entry(bad, good))
    (error,) = [f for f in found.findings if f.status == "error"]
    assert (error.rule, error.where) == ("energy-recomputes", "bad.json")
    assert [f.got for f in b.of(found, "coverage")] == ["94.83 %"], "of the good run"


@pytest.mark.parametrize("value", [0.0, -1.0, 1e308, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "description", [None, {}, {"number_of_nodes": []}, {"number_of_nodes": "9" * 400}]
)
def test_never_raises_for_odd_evidence(value: float, description: dict[str, object] | None) -> None:
    readings = [400.0] * 606 + [value] * 5
    runs = (
        b.run(
            b.trace(range(-5, 606), readings, node="n", boundary="node"), declared_energy_j=value
        ),
        b.run(b.trace([], []), id="empty"),
        b.run(id="none", window=None, sources=()),
        b.run(b.trace([1], [1.0]), id="one", window=b.window(5, 5), success=None),
    )
    for name in (None, b.INFERENCE, b.TRAINING, b.OWN):
        found = b.judge(
            b.entry(*runs, task="training", system_description=description), round_name=name
        )
        assert found.verdict in ("invalid", "unjudged")
        assert all(f.where and f.got and f.expected and f.fix for f in found.findings)


def test_a_run_without_anything_has_a_place() -> None:
    found = b.judge(b.entry(b.run(id="r7", window=None, sources=())))
    assert {f.where for f in found.findings if f.status == "fail"} == {"r7"}


def test_an_incomplete_run_is_one_finding_and_the_complete_ones_are_judged() -> None:
    """What an incomplete run lacks follows from that; what is wrong with another is still told."""
    late = b.run(b.trace(range(3, 606)), id="run-1")
    entry = b.entry(late, b.run(id="run-2", window=None, sources=()))
    defect = Defect(DefectCode.RUN_INCOMPLETE, "entry/run-2", "killed")
    found = b.judge(replace(entry, defects=(defect,)))
    failed = {f.rule: f.where for f in found.findings if f.status == "fail"}
    assert failed == {"window-inside-trace": "total.csv", "evidence-readable": "entry/run-2"}


def test_severity_of_the_rulebook_turns_a_fail_into_a_warning() -> None:
    late = b.entry(b.run(b.trace(range(3, 606))))
    own, training = b.judge(late), b.judge(late, round_name=b.TRAINING)
    assert [f.status for f in b.of(own, "window-inside-trace")] == ["fail"]
    assert [f.status for f in b.of(training, "window-inside-trace")] == ["warn"]
    assert (own.verdict, training.verdict) == ("invalid", "valid")


def test_round_that_is_asked_for_judges_and_is_noted() -> None:
    found = b.judge(clean(), round_name=b.INFERENCE)
    assert found.round == b.INFERENCE
    assert found.notes == (f"judged by {b.INFERENCE}, as asked; the entry states {b.OWN}",)
    with pytest.raises(UsageError):
        b.judge(clean(), round_name="mlperf-inference-v0.5")


def test_lists_only_warn_where_the_round_is_unknown(tmp_path: Path) -> None:
    """A result that states no round, as those of v1.0 whose LoadGen calls itself .5a1, is judged
    by the newest."""
    (entry,) = api.read(b.inference(tmp_path)).entries
    found = audit.audit_entry(replace(entry, round=""), {})
    assert found.round == "mlperf-inference-v5.1"
    assert found.notes == ("the entry states no round; judged by mlperf-inference-v5.1",)
    identity = [f for f in found.findings if f.rule == "meter-identity"]
    assert "PTDaemon 1.10.0" in {f.got for f in identity}
    assert {f.status for f in identity} == {"warn"}


def test_nearest_round_is_noted(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(
        b.detail(folder),
        lambda _, line: b.set_mllog(line, value="5.2.1 @ abc"),
        '"loadgen_version"',
    )
    b.rehash(folder)
    found = b.report(folder)
    assert (found.verdict, found.round) == ("valid", "mlperf-inference-v5.1")
    assert found.notes == (
        "the entry states mlperf-inference-v5.2, which has no rulebook; judged by "
        "mlperf-inference-v5.1",
    )


def test_reports_do_not_depend_on_the_order_of_entries() -> None:
    entries = [
        b.entry(b.run(b.trace(range(-5, 606), 400.0 + k // 2)), id=f"e{k}", system=f"s{k // 4}")
        for k in range(8)
    ]
    entries.append(b.entry(b.run(b.trace([0, 600])), id="short"))
    copies = equal_traces(in_memory(entries)[0])
    expected = {e.id: audit.audit_entry(e, copies) for e in entries}
    assert {report.verdict for report in expected.values()} == {"valid", "invalid"}
    for seed in range(5):
        random.Random(seed).shuffle(entries)
        copies = equal_traces(in_memory(entries)[0])
        assert {e.id: audit.audit_entry(e, copies) for e in entries} == expected


def test_an_entry_needs_few_of_the_places_of_its_copies() -> None:
    """Of a trace in many places each entry gets its own and those it may name: it says the same
    as with all."""
    trace = b.trace(range(-5, 606), 400.0)
    owners = [("v1", "s1"), ("v1", "s1"), ("v1", "s2"), ("v2", "s1"), ("", ""), ("v1", "s1")]
    entries = [
        b.entry(
            b.run(trace),
            b.run(trace, id="r2"),
            id=f"e{k % 25:02}",
            submitter=owner[0],
            system=owner[1],
        )
        for k, owner in enumerate(owners * 5)  # some ids twice
    ]
    copies, cross_entry = equal_traces(in_memory(entries)[0]), near_duplicates(*in_memory(entries))
    reports = audit.audit_entries(entries)
    with_all = [audit.audit_entry(entry, copies, None, cross_entry) for entry in entries]
    for report, expected in zip(reports, with_all, strict=True):
        findings = b.of(report, "duplicate-traces")
        assert findings
        assert (findings, report.notes) == (b.of(expected, "duplicate-traces"), expected.notes)


def test_an_entry_alone_has_the_verdict_it_has_among_others(tmp_path: Path) -> None:
    b.training(tmp_path / "a", TrainingForm(copied_nodes=True), nodes=2)
    b.training(tmp_path / "b", seed=8)
    together = api.audit([tmp_path / "a", tmp_path / "b"]).entries
    alone = [api.audit(tmp_path / name).entries[0] for name in "ab"]
    assert [e.verdict for e in together] == [e.verdict for e in alone] == ["invalid", "valid"]
    assert [e.id for e in together] == [
        f"{name}/{e.id}" for name, e in zip("ab", alone, strict=True)
    ]


def test_the_same_tree_given_twice_is_seen_and_stays_valid(tmp_path: Path) -> None:
    folder = b.inference(tmp_path / "tree")
    reports = api.audit([folder, folder]).entries
    assert [report.verdict for report in reports] == ["valid", "valid"]
    assert all("shares its measurement with" in report.notes[0] for report in reports)


def test_places_are_those_of_copies_only() -> None:
    one, two = b.trace(range(9)), b.trace(range(9), 7.0)
    entries = [b.entry(b.run(one), id="a"), b.entry(b.run(one), b.run(two, id="r2"), id="b")]
    found = equal_traces(in_memory(entries)[0])
    assert [[(p.entry, p.run) for p in places] for places in found.values()] == [
        [("a", "run_1"), ("b", "run_1")]
    ]


def test_unreadable_entry_counts_as_unjudged_and_stops_nothing(tmp_path: Path) -> None:
    b.training(tmp_path)
    broken = tmp_path / "native" / "run_1"
    broken.mkdir(parents=True)
    (broken / "run.json").write_text("{", "utf-8")
    result = api.audit(tmp_path)
    assert [e.verdict for e in result.entries] == ["valid"]
    assert [path for path, _ in result.unreadable] == ["native"]
    assert [result.count(v) for v in VERDICTS] == [1, 0, 0, 1]
    summary = audit_document(result)["summary"]
    assert {v: summary[v] for v in VERDICTS} == {
        "valid": 1,
        "questioned": 0,
        "invalid": 0,
        "unjudged": 1,
    }


def test_a_package_that_was_imported_is_judged_as_its_source(tmp_path: Path) -> None:
    b.training(
        tmp_path / "raw",
        TrainingForm(switch_power_w=691.0, equal_stamps=9, conversion_eff=0.96),
        nodes=2,
    )
    api.import_tree(tmp_path / "raw", out=tmp_path / "native")
    raw, native = b.report(tmp_path / "raw"), b.report(tmp_path / "native")
    assert (native.verdict, native.round) == (raw.verdict, raw.round) == ("valid", b.TRAINING)
    told = [{(f.rule, f.status) for f in r.findings if f.status != "skip"} for r in (raw, native)]
    assert told[0] == told[1]


# Legal forms of real submissions that no rule may fail


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_clean_inference_is_valid(tmp_path: Path, scenario: str, analyzers: str) -> None:
    found = b.report(b.inference(tmp_path, scenario=scenario, analyzers=analyzers, seed=11))
    round_name = "mlperf-inference-v5.1" if analyzers == "two_analyzers" else b.INFERENCE
    assert (found.verdict, found.round, found.notes) == ("valid", round_name, ())
    assert {f.status for f in found.findings if f.rule != "meter-identity"} <= {"skip"}
    assert all(f.got.startswith("no calibration date") for f in b.of(found, "meter-identity"))


def test_clean_inference_in_the_list_form_of_2025_is_valid(tmp_path: Path) -> None:
    assert b.report(b.inference(tmp_path, config_form="list")).verdict == "valid"


@pytest.mark.parametrize(
    "form",
    [
        TrainingForm(),
        TrainingForm(padding_s=0.0),
        TrainingForm(padding_s=55.0, stop="start"),
        TrainingForm(stop="missing"),
        TrainingForm(conversion_eff=0.94, scaling_factor=1.03),
        TrainingForm(conversion_eff=0.96, switch_power_w=691.0, equal_stamps=8, rank_prefix=True),
        TrainingForm(interconnect_power_w=16_100.0, png_files=True, backward_stamps=9),
        TrainingForm(string_values=True),
    ],
    ids=["plain", "tight", "stop-at-start", "no-stop", "efficiency", "dell", "smc", "text"],
)
def test_legal_training_is_valid(tmp_path: Path, form: TrainingForm) -> None:
    nodes = 2 if form.switch_power_w or form.interconnect_power_w else 1
    found = b.report(b.training(tmp_path, form, nodes=nodes))
    assert (found.verdict, found.round, found.notes) == ("valid", b.TRAINING, ())


def test_clean_training_has_nothing_to_say(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path))
    assert {f.status for f in found.findings} == {"skip"}


def test_session_in_a_second_folder_of_its_system_stays_valid(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    shutil.copytree(folder, folder.with_name("Server"))
    assert {e.verdict for e in api.audit(tmp_path).entries} == {"valid"}


# Real submissions, counted by hand from their files


def test_real_inference_is_valid_and_a_shared_session_is_told(real_data: Path) -> None:
    reports = api.audit(real_data / "mlperf-inference-v4.1").entries
    assert [(report.verdict, report.round) for report in reports] == [("valid", b.INFERENCE)] * 8
    rules = {f.rule for report in reports for f in report.findings if f.status != "skip"}
    assert rules == {"meter-identity"}
    noted = {report.id.split("/")[-2]: report.notes for report in reports if report.notes}
    assert noted.keys() == {"gptj-99", "gptj-99.9"}
    assert noted["gptj-99"][0].endswith("/gptj-99.9/Server")
    dated = [f.got.partition(":")[0] for report in reports for f in b.of(report, "meter-identity")]
    assert dated == ["no calibration date"] * 5 + ["no calibration date and no serial number"] * 3


def test_real_training_has_the_breaches_its_files_hold(real_data: Path) -> None:
    reports = api.audit(real_data / "mlperf-training-v4.0").entries
    verdicts = {report.id: report.verdict for report in reports}
    one_node = {entry_id for entry_id in verdicts if "/1x" in entry_id}
    assert len(one_node) == 3
    for entry_id, verdict in verdicts.items():  # the logs of several nodes are copies
        assert verdict == ("questioned" if entry_id in one_node else "invalid")
    counts = {
        name: {
            rule: len([f for f in b.of(report, rule) if f.severity in ("fail", "question")])
            for rule in COUNTED
        }
        for report in reports
        for name in ["/".join(report.id.split("/")[-2:])]
        if not report.id.startswith("smc-dc")
    }
    assert counts == {
        "1xSMC-H100-SXM-80GB/bert": dict(zip(COUNTED, (10, 0, 0, 0), strict=True)),
        "1xSMC-H100-SXM-80GB/llama2_70b_lora": dict(zip(COUNTED, (10, 5, 0, 0), strict=True)),
        "8xSMC-H100-SXM-80GB/llama2_70b_lora": dict(zip(COUNTED, (10, 5, 10, 0), strict=True)),
        "8xSMC-H100-SXM-80GB/ssd": dict(zip(COUNTED, (5, 5, 5, 2), strict=True)),
    }


def test_real_training_is_warned_of_padding_old_switch_lines_and_dc_above_ac_power(
    real_data: Path,
) -> None:
    reports = api.audit(real_data / "mlperf-training-v4.0").entries
    rules = ("padding", "interconnect-plausible", "dc-within-ac")
    told = {
        "/".join([report.id.split("/")[0], *report.id.split("/")[-2:]]): [
            rule for rule in rules for f in b.of(report, rule) if f.status == "warn"
        ]
        for report in reports
    }
    assert told == {
        "smc-ac-power/1xSMC-H100-SXM-80GB/bert": ["padding"],
        "smc-ac-power/1xSMC-H100-SXM-80GB/llama2_70b_lora": [],
        "smc-ac-power/8xSMC-H100-SXM-80GB/llama2_70b_lora": ["interconnect-plausible"],
        "smc-ac-power/8xSMC-H100-SXM-80GB/ssd": ["padding", "interconnect-plausible"],
        "smc-dc-power/1xSMC-H100-SXM-80GB/llama2_70b_lora": ["dc-within-ac"],
    }
    quiet = (
        "near-copies",
        "power-plausible",
        "scaling-factor",
        "run-count",
        "run-seeds",
        "malformed-lines",
        "description-matches-log",
        "power-log-date",
        "conversion-efficiency",
        "reference-convergence",
    )
    assert not [f for report in reports for rule in quiet for f in b.of(report, rule)]


COUNTED = ("sampling-rate", "largest-gap", "duplicate-traces", "reading-values")


def test_real_findings_say_what_the_lines_of_the_files_say(real_data: Path) -> None:
    (ssd,) = api.audit(
        real_data / "mlperf-training-v4.0/smc-ac-power/results/8xSMC-H100-SXM-80GB/ssd"
    ).entries
    at = "power/result_4957-240509201759121706710_2/"
    b.assert_found(
        ssd,
        "reading-values",
        "question",
        where=f"{at}node_5",
        got="5 negative, 1 zero (first: -10",
        expected="0.01",
    )
    b.assert_found(
        ssd,
        "reading-values",
        "question",
        where=f"{at}node_2",
        got="2 negative (first: -9",
        expected="none",
    )
    b.assert_found(
        ssd,
        "largest-gap",
        "question",
        where=f"{at}node_5",
        got="28.124 s without a reading; 8 of 8",
        expected="10",
    )
    b.assert_found(
        ssd,
        "stop-after-start",
        "warn",
        where="710_1/node_0",
        got="in 40 of 40 logs",
        expected="start before",
    )
    b.assert_found(
        ssd,
        "duplicate-traces",
        "fail",
        where=f"{at}node_0",
        got=f"{at}node_1.txt; 2 channels",
        expected="each",
    )


def test_lists_of_a_neighbouring_round_only_warn(tmp_path: Path) -> None:
    """A result of a round without a rulebook is not failed for a tool that the next round does
    not know."""
    from lab_simulator import write_inference

    write_inference(
        tmp_path,
        submitter="S",
        system="s",
        benchmark="resnet50",
        scenario="Offline",
        seed=5,
        duration_s=606.0,
        config_form="list",
    )
    (entry,) = api.read(tmp_path).entries
    assert entry.round == "mlperf-inference-v5.1"
    between = replace(entry, round="mlperf-inference-v4.2")
    found = audit.audit_entry(between, {})
    assert found.round == "mlperf-inference-v4.1"
    assert {f.status for f in found.findings if f.rule == "meter-identity"} == {"warn"}
    asked = audit.audit_entry(between, {}, "mlperf-inference-v4.1")
    assert "fail" in {f.status for f in asked.findings if f.rule == "meter-identity"}


def test_an_entry_is_without_evidence_where_nothing_ties_its_readings(tmp_path: Path) -> None:
    assert not b.report(b.inference(tmp_path)).without_evidence
    assert b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE)).without_evidence
