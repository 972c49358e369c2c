"""As many runs are submitted as the benchmark asks for."""

from collections.abc import Iterator

from harness.auditing.rules.base import (
    TRAINING_LOGS,
    Rule,
    RuleContext,
    Violation,
    from_training_logs,
)
from harness.formats.reference.benchmarks import benchmarks


def check(context: RuleContext) -> Iterator[Violation]:
    """Report too few runs, and warn of too many."""
    entry = context.entry
    benchmark = benchmarks().get((entry.task, entry.benchmark))
    if benchmark is None or benchmark.runs is None:
        if from_training_logs(entry):
            yield Violation(
                entry.benchmark,
                "nothing is known of the runs that it asks for: they are not judged",
                "a benchmark whose runs the training rules state",
                "Count the runs by the rules of its round.",
                status="warn",
            )
        return
    run_count = len(entry.runs)
    expected = f"{benchmark.runs} runs of {entry.benchmark}"
    if entry.simulated:
        yield Violation(
            entry.benchmark,
            f"{run_count} runs, simulated",
            expected,
            "Nothing: a simulation is not submitted.",
            status="skip",
        )
    elif run_count < benchmark.runs:
        fix = "Submit every run that the training rules ask for."
        yield Violation(entry.benchmark, f"{run_count} runs", expected, fix)
    elif run_count > benchmark.runs:
        fix = "Submit consecutive runs, no more than required."
        yield Violation(entry.benchmark, f"{run_count} runs", expected, fix, status="warn")


RULE = Rule(
    id="run-count",
    title="Every run that the benchmark asks for is there",
    why="Leaving runs out is choosing; the Olympic mean of fewer runs is another number.",
    evidence="Result logs, against the number that the training rules ask for. What declares "
    "itself simulated is skipped, shown as simulated everywhere, and never ranked with real "
    "results. Where a training benchmark is not known, a warning says that its runs are not "
    "judged.",
    remedy="Submit the whole series.",
    applies_to=TRAINING_LOGS,
    check=check,
)
