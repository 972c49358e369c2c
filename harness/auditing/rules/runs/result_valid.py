"""The benchmark itself calls the run valid, and it reached its quality target."""

from collections.abc import Iterable, Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, from_training_logs, location
from harness.formats.base import NATIVE, Quality, Run
from harness.formats.reference.benchmarks import Benchmark, benchmarks


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs that failed, and warn of runs whose validity or quality is not known."""
    entry = context.entry
    benchmark = benchmarks().get((entry.task, entry.benchmark))
    has_targets = (entry.task, entry.division) != ("inference", "open")
    yield from _failed_runs(context, benchmark, has_targets)
    is_own_record = entry.is_native and entry.origin in ("", NATIVE)
    for run in entry.runs:
        yield from _unknown_validity(run, is_foreign=not is_own_record)
        if has_targets and benchmark is not None:
            yield from _unknown_quality(run, benchmark)
    if from_training_logs(entry) and _has_no_target(benchmark, entry.runs):
        yield Violation(
            entry.benchmark,
            "nothing is known of its target: quality is not judged",
            "a benchmark whose target the training rules state",
            "Judge the quality by the rules of its round.",
            status="warn",
        )


def _failed_runs(
    context: RuleContext, benchmark: Benchmark | None, has_targets: bool
) -> Iterator[Violation]:
    """Report each fault of each run, as a warning where Olympic scoring drops the runs."""
    runs = context.entry.runs
    faults = []
    for run in runs:
        for got, expected in _faults(run, benchmark, has_targets):
            faults.append((run, got, expected))
    failed_ids = {run.id for run, _, _ in faults}
    dropped_each_end = benchmark.olympic_drop if benchmark else 1
    drops = round(context.limits["olympic_drops"]) * dropped_each_end
    are_dropped = len(failed_ids) <= drops and len(runs) > 2 * drops
    for run, got, expected in faults:
        if are_dropped:
            fix = "Nothing: Olympic scoring drops this run."
            yield Violation(location(run), got, expected, fix, status="warn")
        else:
            yield Violation(
                location(run), got, expected, "Submit a run that its benchmark accepts."
            )


def _faults(run: Run, benchmark: Benchmark | None, has_targets: bool) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a run, and what was expected."""
    if run.success is False:
        yield "the log says INVALID, or that the run was aborted", "VALID, or success"
    if run.quality is None or not has_targets:
        return
    for quality in run.quality.all:
        if _misses_target(quality, benchmark):
            yield f"{quality.metric} {quality.value:.9g}", f"target {quality.target:.9g}"


def _misses_target(quality: Quality, benchmark: Benchmark | None) -> bool:
    if benchmark is None:
        return quality.misses_target
    return not quality.reaches(lower_is_better=benchmark.lower(quality.metric))


def _unknown_validity(run: Run, *, is_foreign: bool) -> Iterator[Violation]:
    """Report a run of unknown validity; logs of others may be silent, our own records are not."""
    if run.success is None:
        yield Violation(
            location(run),
            "the log does not say whether the run is valid",
            "result_validity, or a status of run_stop",
            "Submit the whole log.",
            status="warn" if is_foreign else None,
        )


def _unknown_quality(run: Run, benchmark: Benchmark) -> Iterator[Violation]:
    missing_metrics = " and ".join(_missing_metrics(run, benchmark))
    if missing_metrics:
        yield Violation(
            location(run),
            "no quality in the logs",
            missing_metrics,
            "Submit the accuracy log.",
            status="warn",
        )


def _missing_metrics(run: Run, benchmark: Benchmark) -> Iterator[str]:
    """Yield the metrics with a target that a run does not state."""
    stated_metrics = {quality.metric for quality in run.quality.all} if run.quality else set()
    required = benchmark.others if run.quality else benchmark.metrics
    for metric in required:
        if metric.target is not None and metric.metric not in stated_metrics:
            yield f"{metric.metric}, target {metric.target:g}"


def _has_no_target(benchmark: Benchmark | None, runs: Iterable[Run]) -> bool:
    """Return whether neither the training rules nor the logs state a target."""
    if benchmark is not None and benchmark.target is not None:
        return False
    return all(run.quality is None or run.quality.target is None for run in runs)


RULE = Rule(
    id="result-valid",
    title="The run is valid and reached its target",
    why="The energy of an invalid run, or of a worse model, is not comparable.",
    evidence="LoadGen's result_validity, the status of run_stop, accuracy against the target of "
    "the benchmark, metric by metric; the open division of inference has no targets. As many runs "
    "may fail as Olympic scoring drops at the slow end, times olympic_drops. Where the training "
    "rules state no target, target_accuracy of the log is used; where a training benchmark is not "
    "known at all, a warning says that its quality is not judged. A run that joulemark recorded "
    "always states whether it succeeded; silence is a warning only in the logs of others.",
    remedy="Submit a run that the benchmark accepts, with its accuracy log.",
    limits=("olympic_drops",),
    check=check,
)
