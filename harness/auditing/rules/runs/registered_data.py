"""The log of a training states the hashes of the data that its workload registers."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    RECORDED_RUNS,
    Rule,
    RuleContext,
    Violation,
    recorded_runs,
    run_folder,
)
from harness.core.errors import JoulemarkError, shorten
from harness.core.files import read_bytes
from harness.formats.base import Entry, Run
from harness.formats.mlperf.mllog import select
from harness.runners.workload import find_workloads

FIX = "Train on the registered data, and submit the log as it was written."
Hashes = Mapping[str, str]
"""SHA-256 of the data and of their held-out part, by the keys that the log has for them."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report logs that state no hash of the data, or another one."""
    entry = context.entry
    registered = _registered_hashes().get(entry.benchmark)
    runs = recorded_runs(entry)
    if not runs or not registered:
        yield Violation(
            "result",
            "no recorded run of a bundled training with registered data",
            "one",
            "Audit such a run.",
            status="skip",
        )
        return
    for run in runs:
        yield from _other_data(entry, run, registered)


@functools.cache
def _registered_hashes() -> Mapping[str, Hashes]:
    """Return the hashes that each bundled training registers, by its name."""
    hashes: dict[str, Hashes] = {}
    for workload in find_workloads():
        data = workload.spec["data"] or {}
        by_key = {"data_sha256": data.get("sha256"), "held_out_sha256": data.get("held_out_sha256")}
        if workload.runner == "training":
            hashes[workload.name] = {key: digest for key, digest in by_key.items() if digest}
    return hashes


def _other_data(entry: Entry, run: Run, registered: Hashes) -> Iterator[Violation]:
    """Report hashes that the log of a run lacks, or states otherwise."""
    folder = run_folder(entry, run)
    log_folders = (folder / "log", folder / "ranks" / "0" / "log")
    logs = [path for each in log_folders for path in sorted(each.glob("result_*.txt"))]
    if not logs:
        return  # record-matches-log says so
    place = Location(run=run.id, file=f"{run.id}/{logs[0].relative_to(folder).as_posix()}")
    try:
        lines, _ = select(read_bytes(logs[0]), registered)
    except JoulemarkError as error:
        yield Violation(place, error.message, "the log of this run", FIX)
        return
    for key, digest in registered.items():
        stated = sorted({str(line.value) for line in lines if line.key == key})
        if stated != [digest]:
            got = f"{key} {shorten(', '.join(stated), 160) or 'not stated'}"
            yield Violation(place, got, f"{digest}, as the workload registers", FIX)


RULE = Rule(
    id="registered-data",
    title="The data are those that the workload registers",
    why="A target is easier to reach on other data: on another split, or on a held-out part that "
    "was learnt from.",
    evidence="The hashes of the data and of their held-out part in the result log of each "
    "recorded run, against the bundled training of that name. A forger can write the registered "
    "hash into a log: a signature says who vouches for it.",
    remedy="Train on the registered data.",
    applies_to=RECORDED_RUNS,
    check=check,
)
