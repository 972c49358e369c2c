"""As many runs are submitted as the benchmark asks for."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, from_training_logs
from harness.formats.reference.benchmarks import benchmarks


def check(case: RuleContext) -> Iterator[Violation]:
    known = benchmarks().get((case.entry.task, case.entry.benchmark))
    if known is None or known.runs is None:
        if from_training_logs(case.entry):
            yield Violation(
                case.entry.benchmark,
                "nothing is known of the runs that it asks for: they are not judged",
                "a benchmark whose runs the training rules state",
                "Count the runs by the rules of its round.",
                status="warn",
            )
        return
    count = len(case.entry.runs)
    where, expected = case.entry.benchmark, f"{known.runs} runs of {case.entry.benchmark}"
    if case.entry.simulated:
        yield Violation(
            where,
            f"{count} runs, simulated",
            expected,
            "Nothing: a simulation is not submitted.",
            status="skip",
        )
    elif count < known.runs:
        yield Violation(
            where, f"{count} runs", expected, "Submit every run that the training rules ask for."
        )
    elif count > known.runs:
        yield Violation(
            where,
            f"{count} runs",
            expected,
            "Submit consecutive runs, no more than asked.",
            status="warn",
        )


RULE = Rule(
    id="run-count",
    title="Every run that the benchmark asks for is there",
    why="Who leaves runs out chooses; the Olympic mean of fewer runs is another number.",
    evidence="Result logs, against the runs that the training rules ask for. What declares itself simulated is "
    "skipped, shown as simulated everywhere, and never ranked with real results. Where nothing is known of a training "
    "benchmark, a warning says that its runs are not judged.",
    remedy="Submit the whole series.",
    check=check,
)
