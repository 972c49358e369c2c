"""Fill the page about dense and sparse networks with the figures of an experiment.

    joulemark experiment dense-against-sparse --out experiment --hourly ...
    python -m benchmarks.dense_against_sparse experiment/experiment.json

Writes the document to `benchmarks/dense-against-sparse.json`, without the evaluations of the sides,
and the tables of `docs/explanation/sparse.md` between their marks. A test compares both.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core.documents import read_document

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "benchmarks/dense-against-sparse.json"
PAGE = ROOT / "docs/explanation/sparse.md"
MARKED = r"(<!-- {name} -->\n).*?(<!-- end of {name} -->\n)"
NONE = "no ratio: {reason}"

Document = Mapping[str, Any]


def without_evaluations(document: Document) -> Document:
    """Return a document without the evaluations of the sides, which draw the curves of its page."""
    sides = []
    for side in document["sides"]:
        runs = side["runs"]
        if side["role"] != "frontier":
            runs = [run | {"evaluations": []} for run in runs]
        sides.append(side | {"runs": runs})
    return {**document, "sides": sides}


def interval(estimate: Document, unit: str = "", factor: float = 1.0) -> str:
    """Write an estimate with its interval, to two or three digits."""
    if estimate["value"] is None:
        return ""
    ends = [estimate[name] for name in ("value", "low", "high")]
    texts = [_digits(factor * end) for end in ends if end is not None]
    text = f"{texts[0]} {unit}".rstrip()
    return f"{text} [{texts[1]}, {texts[2]}]" if len(texts) == len(ends) else f"{text}, one run"


def _digits(value: float) -> str:
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def sides_rows(document: Document) -> Iterator[str]:
    """Yield what each side took to reach the target, and what it is made of."""
    kind = _kind(document["sides"][0])
    yield (
        f"| side | at the target | {kind}energy of a training | processor time | parameters"
        " | read for a byte | operations to predict | memory |"
    )
    yield "|---" * 8 + "|"
    for side in document["sides"]:
        if side["role"] != "main":
            continue
        costs = {name: f"{value:,.0f}" for name, value in side["costs"].items()}
        reached = sum(run["reached"] for run in side["runs"])
        cells = (
            side["name"],
            f"{reached} of {len(side['runs'])}",
            interval(side["energy"], "J"),
            interval(side["cpu_time"], "s"),
            costs["parameters"],
            costs["parameters_touched"],
            costs["flops_inference"],
            f"{side['costs']['peak_bytes'] / 1e6:.0f} MB",
        )
        yield f"| {' | '.join(cells)} |"


def ratio_rows(document: Document) -> Iterator[str]:
    """Yield how many times as much the dense side needs as each other one."""
    kind = _kind(document["ratios"][0])
    yield (
        f"| dense over | {kind}energy | the same in pairs of runs | processor time, in pairs"
        f" | {kind}energy to predict a byte | processor time to predict a byte |"
    )
    yield "|---" * 6 + "|"
    control = document["control"]
    for ratio in [*document["ratios"], *([control] if control else [])]:
        name = f"control: {ratio['label']}" if ratio is control else ratio["against"]
        names = ("energy", "paired_energy", "cpu_time", "inference_energy", "inference_cpu_time")
        cells = [interval(ratio[name]) for name in names]
        if ratio["reasons"]:
            cells[0] = NONE.format(reason=ratio["reasons"][0])
        yield f"| {name} | {' | '.join(cells)} |"


def relocation_rows(document: Document) -> Iterator[str]:
    """Yield the emissions of a training in each zone [mg CO2e]."""
    yield (
        "| side | zone | mean | best hour of the day (UTC) | worst hour of the day"
        " | best start of the year | worst |"
    )
    yield "|---" * 7 + "|"
    for item in document["relocations"]:
        for zone in item["zones"]:
            hours = zone["by_hour_g"]
            best, worst = min(hours), max(hours)
            cells = (
                item["side"],
                zone["zone"],
                _milligrams(zone["mean_g"]),
                f"{_milligrams(best)} at {hours.index(best):02}:00",
                f"{_milligrams(worst)} at {hours.index(worst):02}:00",
                _milligrams(zone["best_g"]),
                _milligrams(zone["worst_g"]),
            )
            yield f"| {' | '.join(cells)} |"


def _milligrams(grams: float) -> str:
    return f"{1000 * grams:.3g}"


def _kind(item: Document) -> str:
    kind = item["measurement_class"]
    return f"{kind} " if kind in ("modelled", "declared") else ""


TABLES = {"sides": sides_rows, "ratios": ratio_rows, "where and when": relocation_rows}
"""Tables of the page, by the names of their marks."""


def filled(page: str, document: Document) -> str:
    """Return the page with the tables of a document between their marks."""
    for name, rows in TABLES.items():
        table = "\n" + "\n".join(rows(document)) + "\n\n"
        pattern = re.compile(MARKED.format(name=name), re.DOTALL)
        page = pattern.sub(lambda match, table=table: match[1] + table + match[2], page)
    return page


def main() -> int:
    """Fill the page."""
    document = without_evaluations(read_document("experiment", Path(sys.argv[1])))
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    FIGURES.write_text(text + "\n", "utf-8")
    PAGE.write_text(filled(PAGE.read_text("utf-8"), document), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
