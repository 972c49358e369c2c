"""How far two runs of one published MLPerf inference result differ: the prior of a single run.

Each MLPerf inference power result has two runs of the same work, the ranging run and the timed run.
The logarithm of the ratio of their energies per unit of work, over many published results, shows
how runs scatter: most by half a percent, a few by ten percent and more. `repeat_scatter.csv` holds
the mixture of normal distributions fitted to these ratios, and says from which results; `python -m
benchmarks.repeats` fits it again and checks it on rounds that were left out.

What the pairs do not show: both runs of a pair follow each other within hours on one machine.
Scatter between days, between installations and between machines of one model is not in them.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path

from harness.uncertainty.scale_mixture import ScaleMixture

PRIOR_FILE = Path(__file__).with_name("repeat_scatter.csv")


@functools.cache
def repeat_prior() -> ScaleMixture:
    """Return the distribution of ln(energy of a run / long-run mean) over published results."""
    lines = PRIOR_FILE.read_text("utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return ScaleMixture(
        tuple(float(row["scale"]) for row in rows), tuple(float(row["weight"]) for row in rows)
    )


@functools.cache
def repeat_pairs() -> int:
    """Return the number of published pairs that the prior was fitted to."""
    lines = PRIOR_FILE.read_text("utf-8").splitlines()
    prefix = "# pairs:"
    return next(int(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))
