"""The page of one result: headline, verdict, trace, budget, runs, meters, system, provenance."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from harness.carbon.co2e import Basis
from harness.core.timestamps import to_iso
from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.render.numbers import estimate_text
from harness.render.terminal.budget import explain
from harness.render.terminal.score import SCATTER_TEXTS
from harness.scoring.repeated_runs import valid_runs
from harness.site.audit.entries import rule_page_name
from harness.site.entries import VERDICTS, Site, SiteEntry, rule_title, with_unit
from harness.site.evidence import Packed, has_evidence
from harness.site.glossary import TIPS, table_tip
from harness.site.index_page import table_facts, table_heading, table_id
from harness.site.numbers import percent, seconds_text, significant
from harness.site.plots.finding_marks import (
    MAX_FINDINGS,
    FindingMark,
    NumberedFinding,
    numbered_findings,
)
from harness.site.plots.result import budget_bar, run_picture
from harness.site.plots.trace import trace_figure
from harness.site.result_channels import boundary_tree, meter_rows
from harness.uncertainty.closed_form import BudgetRow

MAX_FILES = 300
"""Files whose hashes are on the page."""
MAX_RUNS = 200
"""Runs on the page."""
MAX_RIVALS = 5
"""Entries of the same table that a page offers to compare with."""
MAX_FACTS = 120
"""Fields of a system description on the page."""
MIN_SHARE = 0.005
"""Smaller shares of the variance are shown together."""


class Fact(NamedTuple):
    """A name and a value.

    Attributes:
        name: What is stated.
        value: The value, as text.
        tip: What the name means, where it does not say so.
    """

    name: str
    value: str
    tip: str = ""


def result_context(
    entry: SiteEntry, site: Site, packed: Packed | None, marks: Sequence[FindingMark]
) -> dict[str, Any]:
    """Return what the template of a result page needs.

    Args:
        entry: The entry.
        site: The site.
        packed: The submission that holds it.
        marks: Where its traces show its findings.
    """
    result = entry.result
    evidence = result.entry
    counted = {id(run) for run in valid_runs(result.runs)}
    return {
        "entry": entry,
        "heading": evidence.system or evidence.id,
        "headline": _headline(entry),
        "facts": _facts(entry),
        "verdict_text": VERDICTS.get(entry.verdict, ""),
        "findings": _findings(entry, {mark.number for mark in marks}),
        "findings_hidden": max(0, _finding_count(entry) - MAX_FINDINGS),
        "skipped_rules": _skipped_rules(entry),
        "notes": [*result.notes, *(entry.report.notes if entry.report else ())],
        "trace": trace_figure(entry, marks),
        "budget": _budget_rows(result.rows),
        "budget_bar": budget_bar(result.rows),
        "explanation": [_spaced_percent(text) for text in explain(result)],
        "runs": [_run_row(run, counts=id(run) in counted) for run in result.runs[:MAX_RUNS]],
        "runs_hidden": max(0, len(result.runs) - MAX_RUNS),
        "run_plot": run_picture(result.runs),
        "scatter": _scatter_text(entry),
        "tree": boundary_tree(result.runs),
        "meters": meter_rows(result.runs),
        "co2e": _co2e(entry),
        "rivals": _rivals(entry, site),
        "system": _system(evidence),
        "table_title": table_heading(entry.table),
        "table_facts": table_facts(entry.table),
        "table_id": table_id(entry.table),
        "table_tip": table_tip(entry.table),
        "files": sorted(evidence.digests.items())[:MAX_FILES],
        "files_hidden": max(0, len(evidence.digests) - MAX_FILES),
        "provenance": _provenance(entry, packed),
        "commands": _commands(entry, site),
        "site": site,
    }


# Headline


def _headline(entry: SiteEntry) -> dict[str, str]:
    """Return the energy per unit, or the energy where the work is not known."""
    result = entry.result
    per_unit = result.energy_per_unit
    estimate = per_unit if per_unit.value is not None else result.energy
    if estimate.value is None:
        return {
            "number": "No energy",
            "unit": "",
            "interval": "",
            "level": "",
            "note": estimate.note,
        }
    shown = estimate_text(estimate)
    value, bracket, interval = shown.partition(" [")
    number, _, unit = value.partition(" ")
    return {
        "number": number,
        "unit": unit,
        "interval": f"[{interval}" if bracket else "",
        "level": f"{100 * estimate.level:g} %" if estimate.low is not None else "",
        "note": estimate.note,
    }


def _rivals(entry: SiteEntry, site: Site) -> list[SiteEntry]:
    """Return the ranked entries next to one in its table, the nearest first."""
    ranked = [
        item
        for item in site.table_of(entry)
        if item.row.rank is not None and (item is entry or has_evidence(item.result))
    ]
    place = next((i for i, item in enumerate(ranked) if item is entry), None)
    if place is None:
        return ranked[:MAX_RIVALS]
    steps = [step for size in range(1, MAX_RIVALS + 1) for step in (-size, size)]
    nearest = [ranked[place + step] for step in steps if 0 <= place + step < len(ranked)]
    return nearest[:MAX_RIVALS]


def _facts(entry: SiteEntry) -> list[Fact]:
    result = entry.result
    estimates = (
        (f"Energy of a run, {result.measurand}", result.energy),
        ("Mean power", result.mean_power),
        ("Energy per correct answer", result.per_correct),
    )
    facts = [
        Fact(name, estimate_text(estimate))
        for name, estimate in estimates
        if estimate is not None and estimate.value is not None
    ]
    if result.performance is not None:
        name = result.performance.name or "Performance"
        shown = f"{significant(result.performance.value, 6)} {result.performance.unit}"
        facts.append(Fact(name.capitalize(), shown))
    if result.quality is not None:
        facts += [
            Fact(
                _metric_name(item.metric),
                significant(item.value, 6)
                + ("" if item.target is None else f", target {significant(item.target, 6)}"),
            )
            for item in result.quality.all
        ]
    rank = entry.row.rank
    if rank is not None:
        place = f"{entry.rank} of {sum(row.rank is not None for row in entry.table.rows)}"
        facts.append(Fact("Rank", place, TIPS["rank"]))
        if entry.p_first is not None:
            shares = f"{percent(entry.p_first)}, {percent(rank.pareto)}"
            tip = f"{TIPS['first']}. {TIPS['pareto']}"
            facts.append(Fact("P(first), P(Pareto)", shares, tip))
    if result.energy.value is not None:
        covered = f"{100 * result.coverage:.2f} % of the window"
        facts.append(Fact("Covered by readings", covered, TIPS["covered"]))
    if result.estimated_share:
        estimated = f"{100 * result.estimated_share:.1f} % of the energy"
        facts.append(Fact("Estimated", estimated, TIPS["estimated"]))
    facts += [
        Fact(_mlperf_name(name), _mlperf_text(item), TIPS["mlperf"])
        for name, item in result.compat.items()
        if item.get("value") is not None or item.get("note")
    ]
    return facts


def _metric_name(metric: str) -> str:
    """Return a metric as a heading: `mlm_accuracy` is `Mlm accuracy`."""
    words = metric.replace("_", " ")
    return words[:1].upper() + words[1:]


def _mlperf_name(name: str) -> str:
    """Return a name of MLPerf's figures: `mlperf_training_v4.0` is that of training v4.0."""
    return f"MLPerf's figure, {name.removeprefix('mlperf_').replace('_', ' ')}"


def _mlperf_text(item: Mapping[str, Any]) -> str:
    value = item.get("value")
    unit = str(item.get("unit", "")).replace("uJ", "µJ")
    shown = "–" if value is None else f"{significant(value, 7)} {unit}"
    return f"{shown} ({item['note']})" if item.get("note") else shown


# Findings


def _findings(entry: SiteEntry, marked: Collection[int]) -> list[dict[str, Any]]:
    """Return the findings, the worst first; `marked` are the numbers of those in a trace."""
    return [
        _finding_line(numbered, has_mark=numbered.number in marked)
        for numbered in numbered_findings(entry)
    ]


def _finding_line(numbered: NumberedFinding, *, has_mark: bool) -> dict[str, Any]:
    first = numbered.findings[0]
    return {
        "number": numbered.number,
        "has_mark": has_mark,
        "severity": numbered.severity,
        "rule": first.rule,
        "page": rule_page_name(first.rule),
        "title": rule_title(first.rule),
        "expected": with_unit(first.expected, first.unit),
        "fix": first.fix,
        "clause": first.clause,
        "places": [Fact(item.where, with_unit(item.got, item.unit)) for item in numbered.findings],
    }


def _finding_count(entry: SiteEntry) -> int:
    findings = entry.report.findings if entry.report is not None else ()
    return sum(item.status != "skip" for item in findings)


def _skipped_rules(entry: SiteEntry) -> list[Fact]:
    findings = entry.report.findings if entry.report is not None else ()
    skipped = {item.rule: item.got for item in findings if item.status == "skip"}
    return [Fact(rule_title(rule), reason) for rule, reason in skipped.items()]


# Budget


def _spaced_percent(text: str) -> str:
    """Write percentages as all pages do, with a space."""
    return re.sub(r"(?<=\d)%", "\N{NO-BREAK SPACE}%", text)


def _budget_rows(rows: Sequence[BudgetRow]) -> list[dict[str, str]]:
    shown = [row for row in rows if row.share >= MIN_SHARE]
    rest = [row for row in rows if row.share < MIN_SHARE]
    lines = [
        {
            "term": row.term,
            "u": f"{significant(row.u, 2)} J",
            "share": f"{100 * row.share:.1f} %",
            "dof": "∞" if row.dof is None else significant(row.dof, 3),
            "key": row.key or "own",
            "source": row.source,
        }
        for row in shown
    ]
    if rest:
        u = math.sqrt(math.fsum(row.u**2 for row in rest))
        share = math.fsum(row.share for row in rest)
        lines.append(
            {
                "term": f"{len(rest)} more",
                "u": f"{significant(u, 2)} J",
                "share": f"{100 * share:.2f} %",
                "dof": "",
                "key": "",
                "source": "",
            }
        )
    return lines


# Runs


def _run_row(run: RunEnergy, *, counts: bool) -> dict[str, str]:
    window = run.run.window
    work = run.run.work
    return {
        "id": run.run.id,
        "start": "–"
        if window is None
        else to_iso(window.start_ns).partition(".")[0].rstrip("Z") + "Z",
        "seconds": "–" if window is None else seconds_text(window.seconds),
        "energy": "–" if run.energy_j is None else f"{significant(run.energy_j, 6)} J",
        "work": "–" if work is None else f"{significant(work.count, 6)} {work.unit}",
        "coverage": f"{100 * run.coverage:.2f} %",
        "gap": f"{significant(run.largest_gap_s, 3)} s",
        "counts": "yes" if counts else "no",
    }


def _scatter_text(entry: SiteEntry) -> str:
    scatter = entry.result.scatter
    if scatter is None:
        return ""
    source = SCATTER_TEXTS[scatter.source].format(n=scatter.n)
    return source if scatter.cv is None else f"{100 * scatter.cv:.2g} %, {source}"


# CO2e, system, provenance


def _co2e(entry: SiteEntry) -> list[Fact]:
    co2e = entry.result.co2e
    if co2e is None:
        return []
    bases = (
        ("location-based", co2e.location_based),
        ("market-based", co2e.market_based),
        ("marginal", co2e.marginal),
    )
    facts = [
        Fact(f"CO2e, {name}", _basis_text(basis)) for name, basis in bases if basis is not None
    ]
    return [*facts, Fact("Intensity", co2e.reference), *(Fact("Note", note) for note in co2e.notes)]


def _basis_text(basis: Basis) -> str:
    per_unit = "" if basis.per_unit is None else f"; per unit {estimate_text(basis.per_unit)}"
    pue = "" if basis.mean_pue is None else f", PUE {basis.mean_pue:.3g}"
    at = f"at {significant(basis.mean_g_per_kwh, 4)} g/kWh{pue}"
    return f"{estimate_text(basis.total)}{per_unit}; {at}"


def _system(entry: Entry) -> list[Fact]:
    """Return the fields of the system description that have a value."""
    description = entry.system_description or {}
    facts = []
    for name, value in description.items():
        is_simple = isinstance(value, str | int | float) and not isinstance(value, bool)
        if is_simple and str(value).strip():
            facts.append(Fact(str(name).replace("_", " "), str(value)))
    return facts[:MAX_FACTS]


def _provenance(entry: SiteEntry, packed: Packed | None) -> list[Fact]:
    evidence = entry.result.entry
    facts = [
        Fact("Entry", evidence.id),
        Fact("Format", evidence.format + (f", from {evidence.origin}" if evidence.origin else "")),
        Fact("Round", evidence.round or "not stated"),
        Fact("Division", evidence.division or "not stated"),
    ]
    if entry.report is not None and entry.report.session:
        facts.append(Fact("Session", entry.report.session))
    if packed is not None:
        facts.append(Fact("Packed in", f"{packed.path}, {len(packed.listed)} files listed"))
    return facts


def _path_as_given(entry: Entry, site: Site) -> str:
    """Return the path of an entry below the path that the site was made of."""
    directory = os.path.abspath(entry.directory)
    for source, top in cast("Mapping[str, str]", site.about.get("source_paths", {})).items():
        if directory == top or directory.startswith(top.rstrip(os.sep) + os.sep):
            return (Path(source) / os.path.relpath(directory, top)).as_posix()
    return entry.id


def _commands(entry: SiteEntry, site: Site) -> list[str]:
    """Return the commands that compute the page again.

    Scatter that is borrowed comes from the other results: then all of them are scored.
    """
    path = shlex.quote(_path_as_given(entry.result.entry, site))
    scored = path
    scatter = entry.result.scatter
    if scatter is not None and scatter.source == "borrowed":
        scored = shlex.join(cast("Sequence[str]", site.about["sources"]))
    options = str(site.about["options"])
    return [
        f"joulemark score {scored}{options} --explain",
        f"joulemark audit {path} --output-format full",
    ]
