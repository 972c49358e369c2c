"""As many runs are submitted as the benchmark asks for."""

from collections.abc import Iterator

from harness.formats.benchmarks import benchmarks
from harness.rules.base import Case, Hit, Rule


def check(case: Case) -> Iterator[Hit]:
    known = benchmarks().get((case.entry.task, case.entry.benchmark))
    if case.entry.task != "training" or known is None or known.runs is None:
        return
    count = len(case.entry.runs)
    where, expected = case.entry.benchmark, f"{known.runs} runs of {case.entry.benchmark}"
    if case.entry.simulated:
        yield Hit(where, f"{count} runs, simulated", expected, "Nothing: a simulation is not submitted.", status="skip")
    elif count < known.runs:
        yield Hit(where, f"{count} runs", expected, "Submit every run that the training rules ask for.")
    elif count > known.runs:
        yield Hit(where, f"{count} runs", expected, "Submit consecutive runs, no more than asked.", status="warn")


RULE = Rule(
    id="run-count",
    title="Every run that the benchmark asks for is there",
    why="Who leaves runs out chooses; the Olympic mean of fewer runs is another number.",
    evidence="Result logs, against the runs that the training rules ask for. What declares itself simulated is "
    "skipped, shown as simulated everywhere, and never ranked with real results.",
    remedy="Submit the whole series.",
    check=check,
)
