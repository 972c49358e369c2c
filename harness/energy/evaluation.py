"""Integrate each run of an entry once, for all who need its energies.

An audit and a score of the same entry share one evaluation, so a leaderboard integrates each run
once.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.timeout import TimeLimitExceeded, deadline
from harness.energy.run import RunEnergy, run_energy
from harness.formats.base import Entry, Run


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The energies of one entry.

    Attributes:
        runs: Energy of each run that could be integrated, in the order of the entry.
        failures: Runs whose integration broke, each with the exception.
    """

    runs: tuple[RunEnergy, ...]
    failures: tuple[tuple[Run, Exception], ...] = ()

    def all_runs(self) -> tuple[RunEnergy, ...]:
        """Return the energies of all runs.

        Raises:
            Exception: What broke the integration of the first run that has no energy.
        """
        for _, error in self.failures:
            raise error
        return self.runs


def evaluate(entry: Entry) -> Evaluation:
    """Integrate each run of an entry; a run that breaks does not stop the others."""
    energies: list[RunEnergy] = []
    failures: list[tuple[Run, Exception]] = []
    for run in entry.runs:
        try:
            energies.append(run_energy(entry, run))
        except Exception as error:  # noqa: BLE001 - kept, for the caller to judge or to raise
            failures.append((run, error))
    return Evaluation(tuple(energies), tuple(failures))


def evaluate_within(entry: Entry, timeout_s: float | None) -> Evaluation:
    """Integrate each run of an entry; one that takes longer than a time [s] has no energies."""
    try:
        with deadline(timeout_s):
            return evaluate(entry)
    except TimeLimitExceeded as error:
        late = TimeoutError(str(error))
        return Evaluation((), tuple((run, late) for run in entry.runs[:1]))
