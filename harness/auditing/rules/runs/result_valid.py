"""The benchmark itself calls the run valid, and it reached its quality target."""

from collections.abc import Iterable, Iterator

from harness.auditing.report import Status
from harness.auditing.rules.base import Rule, RuleContext, Violation, from_training_logs, place
from harness.formats.base import Quality, Run
from harness.formats.reference.benchmarks import Benchmark, benchmarks


def check(case: RuleContext) -> Iterator[Violation]:
    known = benchmarks().get((case.entry.task, case.entry.benchmark))
    runs, bound = case.entry.runs, (case.entry.task, case.entry.division) != ("inference", "open")
    lost = [(run, got, expected) for run in runs for got, expected in _faults(run, known, bound)]
    drops = round(case.limits["olympic_drops"]) * (known.olympic_drop if known else 1)
    borne = len({run.id for run, _, _ in lost}) <= drops and len(runs) > 2 * drops
    status: Status | None = "warn" if borne else None
    for run, got, expected in lost:
        fix = "Submit a run that its benchmark accepts."
        yield Violation(
            place(run),
            got,
            expected,
            "Nothing: Olympic scoring drops this run." if borne else fix,
            status=status,
        )
    for run in runs:
        if run.success is None:
            yield Violation(
                place(run),
                "the log does not say whether the run is valid",
                "result_validity, or a status of run_stop",
                "Submit the whole log.",
                status="warn",
            )
        asked = " and ".join(_missing(run, known)) if bound else ""
        if asked:
            yield Violation(
                place(run),
                "no quality in the logs",
                asked,
                "Submit the accuracy log.",
                status="warn",
            )
    if (
        from_training_logs(case.entry)
        and (known is None or known.target is None)
        and not _targets(runs)
    ):
        yield Violation(
            case.entry.benchmark,
            "nothing is known of its target: quality is not judged",
            "a benchmark whose target the training rules state",
            "Judge the quality by the rules of its round.",
            status="warn",
        )


def _missing(run: Run, known: Benchmark | None) -> Iterator[str]:
    """Metrics with a target that a run does not state."""
    if known is None:
        return
    said = {item.metric for item in run.quality.all} if run.quality else set()
    for item in known.others if run.quality else known.metrics:
        if item.target is not None and item.metric not in said:
            yield f"{item.metric}, target {item.target:g}"


def _targets(runs: Iterable[Run]) -> bool:
    return any(run.quality is not None and run.quality.target is not None for run in runs)


def _faults(run: Run, known: Benchmark | None, bound: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with a run, and what was expected instead; bound: whether it must reach a target."""
    if run.success is False:
        yield "the log says INVALID, or that the run was aborted", "VALID, or success"
    for item in run.quality.all if run.quality and bound else ():
        if _missed(item, known is not None and known.lower(item.metric)):
            yield f"{item.metric} {item.value:.9g}", f"target {item.target:.9g}"


def _missed(quality: Quality, lower: bool) -> bool:
    if quality.target is None:
        return False
    return not (quality.value <= quality.target if lower else quality.value >= quality.target)


RULE = Rule(
    id="result-valid",
    title="The run is valid and reached its target",
    why="Joules of a run that does not count, or of a worse model, compare with nothing.",
    evidence="LoadGen's result_validity, the status of run_stop, accuracy against the target of the benchmark, metric "
    "by metric; the open division of inference has no targets. As many runs may fail as Olympic scoring drops at the "
    "slow end, times olympic_drops. Where the training rules state no target, target_accuracy of the log is taken; "
    "where nothing is known of a training benchmark, a warning says that its quality is not judged.",
    remedy="Submit a run that the benchmark accepts, with its accuracy log.",
    limits=("olympic_drops",),
    check=check,
)
