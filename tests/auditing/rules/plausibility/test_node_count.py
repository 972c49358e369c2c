"""node-count: as many nodes are measured as the system description has."""

import json
from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from harness.formats.base import Entry
from harness.formats.evidence import EndpointEvidence, Evidence
from tests.auditing.rules import builders as b

RULE = "node-count"
FORM = TrainingForm(interconnect_power_w=50.0)


def describe(folder: Path, **given: object) -> None:
    path = folder.parents[2] / "systems" / "sim-1.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | given), "utf-8")


@pytest.mark.parametrize("stated", ["4", 4, "4 nodes", " 4 ", 4.0, "04"])
def test_pass_ways_to_state_the_number(tmp_path: Path, stated: object) -> None:
    folder = b.training(tmp_path, FORM, nodes=4, runs=1)
    describe(folder, number_of_nodes=stated)
    b.assert_pass(b.report(folder), RULE)


def test_pass_inference_has_no_such_rule(tmp_path: Path) -> None:
    found = b.report(b.inference(tmp_path), round_name=b.TRAINING)
    b.assert_pass(found, RULE)


@pytest.mark.parametrize("stated", ["", "four", None, "\N{SUPERSCRIPT TWO}", [4]])
def test_skip_no_number(tmp_path: Path, stated: object) -> None:
    folder = b.training(tmp_path, FORM, nodes=4, runs=1)
    describe(folder, number_of_nodes=stated)
    b.assert_found(
        b.report(folder),
        RULE,
        "skip",
        where="system description",
        got="number_of_nodes",
        expected="whole",
    )


def test_fail_half_the_node_logs_removed(tmp_path: Path) -> None:
    folder = b.training(tmp_path, FORM, nodes=8, runs=2)
    for run in (0, 1):
        for number in range(4):
            b.node(folder, run, number).unlink()
    found = b.report(folder)
    assert len(b.of(found, RULE)) == 2
    b.assert_found(
        found,
        RULE,
        "fail",
        where="result_1.txt",
        got="4 nodes with a power log",
        expected="8 nodes",
    )


def test_fail_node_logs_renamed_to_pictures(tmp_path: Path) -> None:
    folder = b.training(tmp_path, FORM, nodes=8, runs=1)
    for number in range(4):
        path = b.node(folder, 0, number)
        path.rename(path.with_suffix(".png"))
    found = b.report(folder)
    b.assert_found(found, RULE, "fail", where="result_0.txt", got="4 nodes", expected="8 nodes")
    b.assert_found(
        found,
        "evidence-readable",
        "warn",
        where="power/result_0",
        got="node_0.png",
        expected="node_*.txt",
    )


def test_fail_more_logs_than_nodes(tmp_path: Path) -> None:
    folder = b.training(tmp_path, FORM, nodes=2, runs=1)
    describe(folder, number_of_nodes="1")
    b.assert_found(
        b.report(folder), RULE, "fail", where="result_0.txt", got="2 nodes", expected="1 nodes"
    )


def test_fail_log_without_a_reading_counts_as_no_log(tmp_path: Path) -> None:
    folder = b.training(tmp_path, FORM, nodes=2, runs=1)
    b.edit_lines(b.node(folder, 0, 1), lambda *_: None, "power_reading")
    b.assert_found(
        b.report(folder), RULE, "fail", where="result_0.txt", got="1 nodes", expected="2 nodes"
    )


def endpoint_entry(
    stated: object, *nodes: str, boundary: str = "wall", **description: object
) -> Entry:
    """A load on a server of several nodes, each with a meter of its own."""
    traces = [b.trace(range(-5, 606), id=name, node=name, boundary=boundary) for name in nodes]
    evidence = Evidence(endpoint=EndpointEvidence(record={"output_tokens": 1000}))
    description["number_of_nodes"] = stated
    return b.entry(b.run(*traces, evidence=evidence), system_description=description)


@pytest.mark.parametrize(
    "entry",
    [
        endpoint_entry(2, "n1", "n2"),
        endpoint_entry(1, "n1", "n2"),
        endpoint_entry("", "n1"),
        endpoint_entry(8, "n1", boundary="rack"),
    ],
    ids=["all", "the description of a client", "no number", "the meter of a rack"],
)
def test_pass_every_node_of_an_endpoint_is_metered(entry: Entry) -> None:
    b.assert_pass(b.judge(entry), RULE)


def test_fail_an_endpoint_of_three_nodes_with_two_meters() -> None:
    report = b.judge(endpoint_entry(3, "n1", "n2"))
    b.assert_found(
        report, RULE, "fail", where="run", got="2 nodes with a power log", expected="3 nodes"
    )


def test_warns_of_nodes_without_a_meter_that_do_not_serve() -> None:
    report = b.judge(endpoint_entry(4, "n1", "n2", nodes_used=2))
    b.assert_found(
        report, RULE, "warn", where="run", got="2 nodes", expected="4 nodes, 2 of which serve"
    )


def test_fail_a_serving_node_without_a_meter() -> None:
    report = b.judge(endpoint_entry(4, "n1", "n2", nodes_used=3))
    b.assert_found(
        report, RULE, "fail", where="run", got="2 nodes", expected="4 nodes, 3 of which serve"
    )
