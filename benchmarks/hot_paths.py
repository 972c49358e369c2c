"""Time the inner loops, each against the least work that could do the job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.table import Row, compare
from harness.core.content_cache import clear_all
from harness.formats.ptdaemon.spl import read_spl
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy, UncertaintyComponent
from harness.uncertainty.estimate import estimate
from harness.uncertainty.monte_carlo import DRAWS
from harness.uncertainty.random_draws import clear_draws

BUDGET = Budget(
    "bench",
    (MeteredEnergy("meter", 1e6, 0.01),),
    (UncertaintyComponent.symmetric("edge", 1e3),),
    BetweenRunScatter(5e3, 9),
)


def rows(inference: Path, pairs: int) -> Iterator[Row]:
    """Monte Carlo against its random numbers alone; spl.txt against a split of its cells."""
    yield compare(
        "estimate, 200 000 draws of 3 terms",
        lambda: estimate(BUDGET, "J"),
        "numpy's draws of the 3 terms",
        _bare_draws,
        pairs=pairs,
        before=clear_draws,
    )
    contents = [path.read_bytes() for path in sorted(inference.rglob("spl.txt"))]
    yield compare(
        "read of spl.txt",
        lambda: [read_spl(content, "") for content in contents],
        "bytes.split of its cells",
        lambda: [[line.split(b",") for line in c.splitlines()] for c in contents],
        pairs=pairs,
        before=clear_all,
    )


def _bare_draws() -> None:
    generator = np.random.Generator(np.random.SFC64(1))
    generator.random(DRAWS)
    generator.standard_normal(DRAWS)
    generator.standard_t(9, DRAWS)
