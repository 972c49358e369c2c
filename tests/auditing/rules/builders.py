"""Build evidence for the tests of the rules: simulated trees, small defects, synthetic entries."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from lab_simulator import TrainingForm, Truth, write_inference, write_training

from harness import api
from harness.auditing.engine import audit_entry
from harness.auditing.near_duplicates import near_duplicates
from harness.auditing.relations import equal_traces, in_memory
from harness.auditing.report import EntryReport, Finding
from harness.auditing.rules import BY_ID
from harness.auditing.rules.rulebook import rulebook
from harness.formats.base import Entry, Run
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window

NS = 1_000_000_000
T0_NS = 1_767_225_600 * NS
INFERENCE, TRAINING, OWN = "mlperf-inference-v4.1", "mlperf-training-v4.0", "joulemark-2026"

# Simulated trees


def inference(root: Path, **given: Any) -> Path:
    """A clean result of ten minutes; returns its scenario folder."""
    fixed = {
        "submitter": "Lab",
        "system": "sim-1",
        "benchmark": "resnet50",
        "scenario": "Offline",
        "seed": 7,
    }
    options = fixed | {"duration_s": 600.0} | given
    shutil.copytree(
        _written_inference(**options),
        root,
        copy_function=shutil.copyfile,
        dirs_exist_ok=True,
    )
    place = (
        options["submitter"],
        "results",
        options["system"],
        options["benchmark"],
        options["scenario"],
    )
    return root.joinpath("closed", *place)


_templates = tempfile.TemporaryDirectory(prefix="joulemark-")
"""Simulated results, each written once for all tests that ask for the same; they get copies."""


def _written_inference(**options: Any) -> Path:
    """Return the tree of a result with some options, written unless it is there."""
    tree = Path(_templates.name) / hashlib.sha256(pickle.dumps(options)).hexdigest()
    if not tree.exists():
        write_inference(tree, **options)
    return tree


def training(root: Path, form: TrainingForm | None = None, **given: Any) -> Path:
    """A clean result at 1 Hz, in a tree that states its round; returns its benchmark folder."""
    fixed = {"submitter": "Lab", "system": "sim-1", "benchmark": "bert", "seed": 7, "runs": 3}
    options = fixed | given
    tree = root / "training_results_v4.0"
    write_training(tree, form=form or TrainingForm(), **options)
    return tree / options["submitter"] / "results" / options["system"] / options["benchmark"]


def training_truth(root: Path, **given: Any) -> tuple[Truth, ...]:
    """A clean result, for its truth."""
    fixed = {"submitter": "Lab", "system": "sim-1", "benchmark": "bert", "seed": 7, "runs": 3}
    return write_training(root / "training_results_v4.0", **(fixed | given))


def report(folder: Path, round_name: str | None = None) -> EntryReport:
    """The audit of the one entry below a folder."""
    result = api.audit(folder, round_name=round_name)
    assert not result.unreadable, result.unreadable
    (only,) = result.entries
    return only


# Defects


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Rewrite a file; the change must be one."""
    before = path.read_text("utf-8")
    after = change(before)
    assert after != before, f"{path} did not change"
    path.write_text(after, "utf-8")


def edit_lines(path: Path, change: Callable[[int, str], str | None], having: str) -> None:
    """Rewrite each line that holds a text; `change` gets its number among those, None drops it."""
    kept, number = [], 0
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if having in line:
            changed = change(number, line)
            number += 1
            if changed is not None:
                kept.append(changed)
        else:
            kept.append(line)
    path.write_text("".join(kept), "utf-8")


def rehash(folder: Path) -> None:
    """State new hashes for the edited files of an inference result, as a forger would."""
    for side in ("client", "server"):
        path = folder / "performance" / "power" / f"{side}.json"
        document = json.loads(path.read_text("utf-8"))
        for name in document["results"]:
            file = folder / "performance" / name
            if file.exists():
                document["results"][name] = hashlib.sha1(file.read_bytes()).hexdigest()
        path.write_text(json.dumps(document), "utf-8")


def spl(folder: Path) -> Path:
    return folder / "performance" / "run_1" / "spl.txt"


def detail(folder: Path) -> Path:
    return folder / "performance" / "run_1" / "mlperf_log_detail.txt"


def watts(line: str) -> float:
    """The reading of a line of spl.txt."""
    return float(line.split(",")[3])


def set_watts(line: str, value: str) -> str:
    cells = line.split(",")
    return ",".join([*cells[:3], value, *cells[4:]])


def node(folder: Path, run: int = 0, number: int = 0) -> Path:
    return folder / "power" / f"result_{run}" / f"node_{number}.txt"


def set_mllog(line: str, **given: Any) -> str:
    """An MLLOG line with other fields."""
    ahead, _, body = line.partition(":::MLLOG ")
    return f"{ahead}:::MLLOG {json.dumps(json.loads(body) | given)}\n"


# Entries made of objects


def channel(kind: str = "mean", **given: Any) -> Channel:
    energy = {"quantity": "energy", "unit": "J"} if kind == "counter" else {}
    fixed = {
        "id": "total",
        "boundary": "wall",
        "calibration_id": "m",
        "nominal_interval_s": 1.0,
        "source": "total.csv",
    }
    limits = Accuracy(reading_limit_pct=0.1, source="test")
    return Channel(**(fixed | energy | {"kind": kind, "accuracy": limits} | given))


def trace(
    t_s: Sequence[float] | np.ndarray, value: Any = 400.0, kind: str = "mean", **given: Any
) -> Trace:
    """A trace of times [s after T0] and values; one value holds throughout."""
    t_ns = np.array([round(t * 1e9) for t in t_s], np.int64) + T0_NS
    return build_trace(
        channel(kind, **given),
        t_ns,
        np.broadcast_to(np.asarray(value, np.float64), t_ns.shape).copy(),
    )


def window(start_s: float = 0.0, stop_s: float = 600.0) -> Window:
    return Window(T0_NS + round(start_s * 1e9), T0_NS + round(stop_s * 1e9))


def run(*traces: Trace, **given: Any) -> Run:
    fixed: dict[str, Any] = {
        "id": "run_1",
        "window": window(),
        "success": True,
        "sources": ("run.json",),
    }
    return Run(traces=traces, **(fixed | given))


def entry(*runs: Run, **given: Any) -> Entry:
    fixed: dict[str, Any] = {
        "id": "e",
        "directory": Path("e"),
        "format": "joulemark",
        "round": OWN,
        "task": "inference",
        "submitter": "Lab",
        "system": "s",
        "benchmark": "own",
        "scenario": "Offline",
    }
    return Entry(runs=runs, **(fixed | given))


def judge(*entries: Entry, round_name: str | None = None) -> EntryReport:
    """The audit of the first of some entries, beside the others."""
    gathered, fetch = in_memory(entries)
    cross_entry = near_duplicates(gathered, fetch)
    return audit_entry(entries[0], equal_traces(gathered), round_name, cross_entry)


# Assertions


def of(found: EntryReport, rule: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.rule == rule]


def outcome(finding: Finding) -> str:
    """What a finding means for the verdict: fail, question or warn; or that there is none."""
    return finding.severity or finding.status


def assert_pass(found: EntryReport, rule: str) -> None:
    """The rule was applied and has nothing to say."""
    assert rule in rulebook(found.round)["rules"]
    assert of(found, rule) == []


def assert_found(
    found: EntryReport, rule: str, status: str, *, where: str, got: str, expected: str
) -> Finding:
    """One finding of the rule has this outcome and these texts, and says how to mend it and why.

    status: fail, question or warn, by what it means for the verdict; or skip
    """
    assert rule in BY_ID
    hits = [
        f for f in of(found, rule) if outcome(f) == status and where in f.where and got in f.got
    ]
    assert hits, f"no {status} of {rule} at {where!r} with {got!r} among {of(found, rule)}"
    assert expected in hits[0].expected, hits[0]
    assert hits[0].fix
    assert hits[0].clause == rulebook(found.round)["rules"][rule]["clause"]
    assert found.verdict != "valid" if status == "fail" else True
    return hits[0]


def shifted(item: Trace, seconds: float) -> Trace:
    """The same readings at other times."""
    return replace(item, t_ns=item.t_ns + round(seconds * 1e9))


# Training packages that a cheat would submit


def describe(folder: Path, **given: object) -> None:
    """Change the system description of a training result."""
    path = folder.parents[2] / "systems" / f"{folder.parent.name}.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | given), "utf-8")


def submitted(root: Path, form: TrainingForm | None = None, **given: Any) -> Path:
    """A clean result that does not say it is simulated: nodes of eight H100, and five runs, as
    ssd asks for."""
    folder = training(root, form, **({"benchmark": "ssd", "runs": 5} | given))
    describe(
        folder,
        hw_notes="",
        accelerator_model_name="NVIDIA H100-SXM5-80GB",
        accelerators_per_node="8",
        host_processors_per_node="2",
    )
    return folder


def of_round(folder: Path, version: str) -> Path:
    """The same training result in the tree of another round; returns its benchmark folder."""
    tree = folder.parents[3]
    moved = tree.rename(tree.with_name(f"training_results_{version}"))
    return moved / folder.relative_to(tree)


def shift_log(path: Path, seconds: float, share: float = 1.0) -> None:
    """Move the stamps of the readings and markers of a log, and scale its readings."""
    moved = []
    for line in path.read_text("utf-8").splitlines():
        ahead, _, body = line.partition(":::MLLOG ")
        event = json.loads(body)
        event["time_ms"] += round(seconds * 1000)
        if event["key"] == "power_reading":
            event["value"] = round(event["value"] * share)
        moved.append(f"{ahead}:::MLLOG {json.dumps(event)}\n")
    path.write_text("".join(moved), "utf-8")


def first_ms(path: Path) -> int:
    """Stamp of the first line of a log [ms]."""
    return int(json.loads(path.read_text("utf-8").split(":::MLLOG ")[1].splitlines()[0])["time_ms"])
