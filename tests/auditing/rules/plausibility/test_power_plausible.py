"""power-plausible: the mean power of a node is one that its parts can draw."""

import json
from pathlib import Path

import pytest

from harness.formats.reference.accelerators import rated_w
from tests.auditing.rules import builders as b

RULE = "power-plausible"


def scale(folder: Path, share: float) -> None:
    for run in range(5):
        b.shift_log(b.node(folder, run), 0.0, share)


def test_pass_a_node_of_eight(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.submitted(tmp_path)), RULE)


@pytest.mark.parametrize(
    "described",
    [
        {"accelerator_model_name": "own chip"},
        {"accelerators_per_node": "many"},
        {"accelerators_per_node": "0"},
    ],
)
def test_skip_parts_that_nobody_knows(tmp_path: Path, described: dict[str, object]) -> None:
    folder = b.submitted(tmp_path)
    b.describe(folder, **described)
    scale(folder, 0.1)
    (said,) = described.values()
    b.assert_found(
        b.report(folder),
        RULE,
        "skip",
        where="system",
        got=f"'{said}'",
        expected="of a known rating",
    )


@pytest.mark.parametrize(
    ("name", "watts"),
    [
        ("NVIDIA H100-SXM5-80GB", 700),
        ("NVIDIA H100 PCIe", 350),
        ("NVIDIA A100-SXM4-40GB", 400),
        ("AMD MI300X", 750),
        ("Intel® Gaudi® 3 AI Accelerator", None),
        ("Intel Gaudi 3 HL-325L", 900),
        ("Intel Gaudi 3 HL-338 PCIe", 600),
        ("NVIDIA GB200", 1200),
        ("NVIDIA GH200", None),
        ("NVIDIA H800", None),
        ("Intel Gaudi 2", 600),
        ("NVIDIA Blackwell Ultra GPU (B300-SXM-270GB)", 1100),
        ("NVIDIA GB300", 1400),
        ("AMD Instinct MI350X", 1000),
        ("AMD Instinct MI325X", 1000),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 600),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 300),
        ("NVIDIA RTX 6000 Ada", None),
        ("TPU-v5p", None),
        ("", None),
    ],
)
def test_pass_names_of_accelerators(name: str, watts: float | None) -> None:
    assert rated_w(name) == watts


@pytest.mark.parametrize("share", [0.5, 3.0])
def test_warn_every_reading_scaled(tmp_path: Path, share: float) -> None:
    folder = b.submitted(tmp_path)
    scale(folder, share)
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="/node_0.txt",
        got="in 5 of 5 node logs",
        expected="from 3360 to 12200",
    )
    assert found.verdict == "valid", "plausibility alone fails nobody"


def drain(path: Path, lowest_w: int) -> None:
    """Take a constant off all readings of a log, so that the lowest becomes what is stated."""
    lines = [line.partition(":::MLLOG ")[2] for line in path.read_text("utf-8").splitlines()]
    events = [json.loads(line) for line in lines]
    readings = [event for event in events if event["key"] == "power_reading"]
    taken_w = min(event["value"] for event in readings) - lowest_w
    for event in readings:
        event["value"] -= taken_w
    path.write_text("".join(f":::MLLOG {json.dumps(event)}\n" for event in events), "utf-8")


@pytest.mark.parametrize(("lowest_w", "warns"), [(150, True), (240, False)])
def test_warn_a_node_that_rests_lower_than_its_parts_can(
    lowest_w: int, warns: bool, tmp_path: Path
) -> None:
    folder = b.submitted(tmp_path)  # eight accelerators of 700 W: at least 190 W at rest
    for run in range(5):
        drain(b.node(folder, run), lowest_w)
    found = b.report(folder)
    at_rest = [item for item in b.of(found, RULE) if "W at rest" in item.got]
    assert bool(at_rest) == warns
    if warns:
        expected = "at least 190 W"
        b.assert_found(found, RULE, "warn", where="node", got="W at rest", expected=expected)
