"""The benchmark itself calls the run valid, and it reached its quality target."""

from collections.abc import Iterator

from harness.formats.base import Quality, Run
from harness.formats.benchmarks import Benchmark, benchmarks
from harness.rules.base import Case, Hit, Rule, Status, place


def check(case: Case) -> Iterator[Hit]:
    known = benchmarks().get((case.entry.task, case.entry.benchmark))
    runs = case.entry.runs
    lost = [(run, got, expected) for run in runs for got, expected in _faults(run, known)]
    drops = round(case.limits["olympic_drops"]) * (known.olympic_drop if known else 1)
    borne = len({run.id for run, _, _ in lost}) <= drops and len(runs) > 2 * drops
    status: Status | None = "warn" if borne else None
    for run, got, expected in lost:
        fix = "Submit a run that its benchmark accepts."
        yield Hit(
            place(run), got, expected, "Nothing: Olympic scoring drops this run." if borne else fix, status=status
        )
    for run in runs:
        if run.success is None:
            yield Hit(
                place(run), "the log does not say whether the run is valid", "result_validity, or a status of run_stop",
                "Submit the whole log.", status="warn",
            )  # fmt: skip
        if run.quality is None and known is not None and known.target is not None:
            yield Hit(
                place(run), "no quality in the logs", f"{known.metric}, target {known.target:g}",
                "Submit the accuracy log.", status="warn",
            )  # fmt: skip


def _faults(run: Run, known: Benchmark | None) -> Iterator[tuple[str, str]]:
    """What is wrong with a run, and what was expected instead."""
    if run.success is False:
        yield "the log says INVALID, or that the run was aborted", "VALID, or success"
    if run.quality is not None and _missed(run.quality, known.better if known else "higher"):
        yield f"{run.quality.metric} {run.quality.value:.9g}", f"target {run.quality.target:.9g}"


def _missed(quality: Quality, better: str) -> bool:
    if quality.target is None:
        return False
    return not (quality.value <= quality.target if better == "lower" else quality.value >= quality.target)


RULE = Rule(
    id="result-valid",
    title="The run is valid and reached its target",
    why="Joules of a run that does not count, or of a worse model, compare with nothing.",
    evidence="LoadGen's result_validity, the status of run_stop, accuracy against the target of the benchmark. As many "
    "runs may fail as Olympic scoring drops at the slow end, times olympic_drops.",
    remedy="Submit a run that the benchmark accepts, with its accuracy log.",
    limits=("olympic_drops",),
    check=check,
)
