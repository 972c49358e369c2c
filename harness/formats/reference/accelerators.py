"""Rated power of accelerators, from data sheets: `accelerators.csv`, the more special names first."""

from __future__ import annotations

import csv
import functools
import re
from pathlib import Path


@functools.cache
def _table() -> tuple[tuple[tuple[str, ...], float], ...]:
    with Path(__file__).with_name("accelerators.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            (tuple(row["pattern"].split()), float(row["rated_w"])) for row in csv.DictReader(file)
        )


def rated_w(model: str) -> float | None:
    """Rated (maximum) power of one accelerator [W] by the name a description gives it; None where it is not known."""
    words = set(
        re.findall(r"[a-z]+\d+[a-z]*|\d+|[a-z]+", model[:200].lower().replace("gaudi ", "gaudi"))
    )
    return next((power for pattern, power in _table() if words.issuperset(pattern)), None)
