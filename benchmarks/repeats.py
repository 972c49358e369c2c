"""Fit the prior for single timed runs, and check it on rounds that were left out.

    python -m benchmarks.repeats PAIRS.csv                   # the calibration table
    python -m benchmarks.repeats PAIRS.csv --plot FILE.svg   # observed against nominal coverage
    python -m benchmarks.repeats PAIRS.csv --write           # harness/scoring/repeat_scatter.csv

PAIRS.csv has one row for each published result with a ranging and a timed run, with the columns
`round`, `scenario` and `ln_energy_per_unit_ranging_over_timed`.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.scoring.repeat_prior import PRIOR_FILE
from harness.uncertainty.scale_mixture import ScaleMixture, fit_scale_mixture

SCALES = tuple(np.geomspace(2e-4, 0.6, 8).tolist())
"""Grid of the standard deviations of ln(energy of a run); finer grids overfit the held-out
rounds."""
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class Pair:
    """The two runs of one published result.

    Attributes:
        round: Round it was published in.
        scenario: LoadGen scenario.
        difference: ln(energy per unit, ranging run over timed run).
    """

    round: str
    scenario: str
    difference: float


def read_pairs(path: Path) -> list[Pair]:
    """Read all pairs of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Pair(row["round"], row["scenario"], float(row["ln_energy_per_unit_ranging_over_timed"]))
            for row in csv.DictReader(file)
        ]


def fit(pairs: Sequence[Pair]) -> ScaleMixture:
    """Fit the prior to pairs."""
    return fit_scale_mixture([pair.difference for pair in pairs], SCALES)


def coverage(prior: ScaleMixture, pairs: Sequence[Pair], level: float) -> float:
    """Return the share of pairs whose ratio interval at a level, from the prior alone, holds 1."""
    half_width = prior.scaled(2**0.5).half_width(level)
    return float(np.mean([abs(pair.difference) <= half_width for pair in pairs]))


def held_out(pairs: Sequence[Pair], level: float) -> list[tuple[str, int, float, float]]:
    """Return round, pairs, half-width and coverage of each round, by the prior of the other
    rounds."""
    rows = []
    for name in sorted({pair.round for pair in pairs}):
        inside = [pair for pair in pairs if pair.round == name]
        prior = fit([pair for pair in pairs if pair.round != name])
        half_width = prior.scaled(2**0.5).half_width(level)
        rows.append((name, len(inside), half_width, coverage(prior, inside, level)))
    return rows


def table(pairs: Sequence[Pair]) -> str:
    """Return the calibration table in Markdown."""
    lines = [
        "| round left out | pairs | 95 % interval of the ratio | coverage |",
        "|---|---|---|---|",
    ]
    rows = held_out(pairs, 0.95)
    for name, count, half_width, covered in rows:
        lines.append(f"| {name} | {count} | 1 ± {half_width:.1%} | {covered:.1%} |")
    total = sum(count * covered for _, count, _, covered in rows) / len(pairs)
    lines += [f"| all | {len(pairs)} | | {total:.1%} |", ""]
    prior = fit(pairs)
    lines += ["| scenario | pairs | coverage by the prior of all |", "|---|---|---|"]
    for name in sorted({pair.scenario for pair in pairs}):
        inside = [pair for pair in pairs if pair.scenario == name]
        lines.append(f"| {name} | {len(inside)} | {coverage(prior, inside, 0.95):.1%} |")
    lines += ["", "| pair differs by | scatter of one run, 68 % | 95 % |", "|---|---|---|"]
    for difference in (0.0, 0.002, 0.005, 0.01, 0.03, 0.1):
        updated = prior.updated(difference)
        halves = [f"{updated.half_width(level):.2%}" for level in (0.6827, 0.95)]
        lines.append(f"| {difference:.1%} | {halves[0]} | {halves[1]} |")
    return "\n".join(lines)


def plot(pairs: Sequence[Pair], path: Path) -> None:
    """Draw observed against nominal coverage of the rounds left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    levels = np.linspace(0.05, 0.99, 40)
    for name in sorted({pair.round for pair in pairs}):
        inside = [pair for pair in pairs if pair.round == name]
        prior = fit([pair for pair in pairs if pair.round != name])
        observed = [coverage(prior, inside, float(level)) for level in levels]
        axes.plot(levels, observed, label=f"{name} ({len(inside)} pairs)")
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.set(xlabel="nominal coverage", ylabel="share of pairs of the round left out")
    axes.legend()
    figure.savefig(path)


def write(pairs: Sequence[Pair], path: Path) -> None:
    """Write the prior with where it comes from."""
    rounds = sorted({pair.round for pair in pairs})
    prior = fit(pairs)
    lines = [
        "# Scatter of ln(energy per unit of work of a run) about the long-run mean: a mixture of",
        "# normal distributions with mean 0, as standard deviation and weight.",
        "# Fitted by `python -m benchmarks.repeats PAIRS.csv --write` to the ranging and timed "
        "runs",
        "# of published MLPerf inference power results (MLCommons, Apache-2.0), one pair a "
        "session.",
        f"# rounds: {', '.join(rounds)}",
        f"# pairs: {len(pairs)}",
        "scale,weight",
        *(
            f"{scale:.6g},{weight:.6g}"
            for scale, weight in zip(prior.scales, prior.weights, strict=True)
        ),
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """Fit and check the prior."""
    parser = argparse.ArgumentParser(description="Fit the prior for single timed runs.")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    pairs = read_pairs(options.pairs)
    print(table(pairs))
    if options.plot:
        plot(pairs, options.plot)
    if options.write:
        write(pairs, PRIOR_FILE)


if __name__ == "__main__":
    main()
