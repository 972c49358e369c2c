"""From an entry to its result: energy of each run, the budget, the interval, compatibility numbers, in this order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness import compat
from harness.carbon.co2e import Co2e
from harness.energy import ChannelEnergy, Edge, energy
from harness.formats.base import Entry, Quality, Quantity, Run
from harness.formats.benchmarks import benchmarks
from harness.traces.instruments import instruments
from harness.traces.trace import Trace
from harness.uncertainty import (
    DRAWS,
    LEVEL,
    SEED,
    Budget,
    BudgetRow,
    Estimate,
    Part,
    RunTerm,
    Term,
    View,
    estimates,
    rows_of,
)

UNKNOWN_CLOCK_S = 0.1
"""Standard error of a clock of which nothing is known but that it is set by NTP [s]; marked as assumed."""
EFFICIENCY_LIMIT = 0.02
"""Relative limit of a declared conversion efficiency: 80 PLUS classes lie two points apart at half load."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One summed channel of one run, and what it says of the window; energy is None where it says nothing."""

    trace: Trace
    energy: ChannelEnergy | None

    @property
    def factor(self) -> float:
        """Conversion efficiency that was declared for the channel, or 1."""
        return self.trace.channel.conversion_efficiency or 1.0


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """Energy of one run.

    measured_j: what its channels say, with missing nodes filled by the mean of the others [J]
    estimated_j: rated parts and nodes nobody measured [J], contained in energy_j;
    nodes: measured and expected nodes
    """

    run: Run
    readings: tuple[Reading, ...]
    energy_j: float | None
    estimated_j: float
    coverage: float
    gap_share: float
    largest_gap_s: float
    filled_j: float
    nodes: tuple[int, int]
    parts: tuple[Part, ...] = ()
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one entry: what `score` prints and the leaderboard ranks.

    budget: the budget behind energy; per_unit_budget: the one behind energy_per_unit; both None without energy
    co2e: emissions, where a grid was given
    """

    entry: Entry
    measurement_class: str
    measurand: str
    n_runs: int
    distinct_runs: int
    runs: tuple[RunEnergy, ...]
    energy: Estimate
    mean_power: Estimate
    energy_per_unit: Estimate
    units_per_joule: float | None
    performance: Quantity | None
    quality: Quality | None
    coverage: float
    estimated_share: float
    compat: Mapping[str, Any]
    notes: tuple[str, ...]
    budget: Budget | None = None
    per_unit_budget: Budget | None = None
    rows: tuple[BudgetRow, ...] = field(default=())
    co2e: Co2e | None = None


def score(entry: Entry, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS) -> Result:
    """The result of an entry.

    level: of the intervals; seed, draws: of the Monte Carlo
    """
    runs = tuple(run_energy(entry, run) for run in entry.runs)
    counted = [run for run in _distinct(runs) if run.energy_j is not None]
    notes = [d.got for d in entry.defects if d.code == "run-incomplete"] + _notes(runs, counted)
    budget = _mean_budget(entry, counted)
    unit, amounts = _work(entry, counted)
    why = notes[0] if notes else "no energy"
    total, power, per_unit = (Estimate(None, None, None, of, level, why) for of in ("J", "W", "J"))
    unit_budget = None
    if budget is not None:
        seconds = [run.run.window.seconds for run in counted if run.run.window]
        views = [View("J", run=budget.run), _ratio("W", counted, budget, seconds)]
        if amounts:
            views.append(_ratio(f"J/{unit}", counted, budget, amounts))
            unit_budget = budget.scaled(views[-1].factor, views[-1].run)
        total, power, *rest = estimates(budget, views, level=level, seed=seed, draws=draws)
        why = "the log does not say how much was done"
        per_unit = rest[0] if rest else Estimate(None, None, None, f"J/{unit}", level, why)
    done = math.fsum(run.run.work.count for run in counted if run.run.work)
    energy_j = math.fsum(run.energy_j or 0.0 for run in counted)
    return Result(
        entry=entry,
        measurement_class=measurement_class(entry),
        measurand="long-run mean" if len(counted) > 1 else "realised",
        n_runs=len(runs),
        distinct_runs=len(counted),
        runs=runs,
        energy=total,
        mean_power=power,
        energy_per_unit=per_unit,
        units_per_joule=done / energy_j if done and energy_j else None,
        performance=_performance(entry),
        quality=_quality(entry),
        coverage=min((run.coverage for run in runs), default=0.0),
        estimated_share=_share(math.fsum(run.estimated_j for run in counted), energy_j),
        compat=_compat(entry, runs),
        notes=tuple(notes),
        budget=budget,
        per_unit_budget=unit_budget,
        rows=tuple(rows_of(budget)) if budget else (),
    )


# One run


def run_energy(entry: Entry, run: Run) -> RunEnergy:
    """Energy of one run: channels that are not part of another, rated parts, and nodes that nobody measured."""
    summed = [trace for trace in run.traces if trace.channel.part_of is None]
    window = run.window if run.window is not None and run.window.seconds > 0 else None
    readings = tuple(Reading(trace, energy(trace, window) if window else None) for trace in summed)
    spoken = [(r, r.energy) for r in readings if r.energy is not None]
    nodes = {r.trace.channel.node for r, _ in spoken if r.trace.channel.boundary == "node"}
    expected = max(_nodes(entry), len(nodes)) if nodes else 0
    coverage = min((e.coverage for _, e in spoken), default=0.0) if len(spoken) == len(readings) else 0.0
    if window is None or not spoken:
        return RunEnergy(run, readings, None, 0.0, 0.0, 0.0, 0.0, 0.0, (len(nodes), expected))
    parts, terms = _parts(spoken, window.seconds), _terms(spoken)
    rated = math.fsum(part.power_w for part in run.rated) * window.seconds
    parts += [Part(f"rated|{entry.id}", part.power_w * window.seconds, 0.0, source=part.source) for part in run.rated]
    terms += [
        _rated_term(entry, part.power_w * (1 - part.idle_share) * window.seconds, part.source) for part in run.rated
    ]
    filled_nodes, node_parts, node_terms = _missing_nodes(spoken, expected)
    parts, terms = parts + node_parts, terms + node_terms
    budget = Budget("", tuple(parts), tuple(terms))
    return RunEnergy(
        run=run,
        readings=readings,
        energy_j=budget.value,
        estimated_j=rated + filled_nodes,
        coverage=coverage,
        gap_share=max(e.gap_share for _, e in spoken),
        largest_gap_s=max(e.largest_gap_s for _, e in spoken),
        filled_j=math.fsum(e.filled_j * r.factor for r, e in spoken),
        nodes=(len(nodes), expected),
        parts=tuple(parts),
        terms=tuple(terms),
    )


Spoken = Sequence[tuple[Reading, ChannelEnergy]]


def _parts(spoken: Spoken, seconds: float) -> list[Part]:
    parts = []
    for reading, found in spoken:
        channel = reading.trace.channel
        accuracy = channel.accuracy
        parts.append(
            Part(
                key=channel.calibration_id,
                energy=found.energy_j * reading.factor,
                gain_limit=accuracy.gain_limit,
                offset_limit=accuracy.range_limit_w * seconds * reading.factor,
                efficiency_limit=EFFICIENCY_LIMIT if channel.conversion_efficiency else 0.0,
                source=accuracy.source,
            )
        )
    return parts


def _terms(spoken: Spoken) -> list[Term]:
    """Edge, gap, sampling and quantisation, independent between channels; the clock, shared by its key."""
    named = (
        ("window edges", "u_edge_j"),
        ("gaps", "u_gap_j"),
        ("sampling", "u_sampling_j"),
        ("quantisation", "u_quantisation_j"),
    )
    terms = []
    for name, attribute in named:
        scale = math.sqrt(math.fsum((getattr(found, attribute) * reading.factor) ** 2 for reading, found in spoken))
        if scale:
            terms.append(Term.symmetric(name, scale, source="docs/methodology.md, one run"))
    for reading, found in spoken:
        declared = reading.trace.channel.clock_error_s
        error = UNKNOWN_CLOCK_S if declared is None else declared
        up, down = clock_slopes(found, error)
        scale = error * reading.factor
        source = "unknown clock, 0.1 s assumed" if declared is None else "largest difference of the two clocks"
        if scale and (up or down):
            terms.append(
                Term(
                    "clock",
                    up * scale,
                    down * scale,
                    key=f"clock|{reading.trace.channel.clock}",
                    source=source,
                )
            )
    return terms


def clock_slopes(found: ChannelEnergy, error_s: float) -> tuple[float, float]:
    """Mean energy lost per second [W] by a clock that is late, and by one that is early, at a standard error [s].

    Load at an edge is swapped for what lies outside it. While load begins and ends in the cells that cross the
    edges, power held from inside loses nothing, and what is taken off such a cell comes back at the other edge.
    Where nothing was recorded outside, the power there is unknown: the term is symmetric with the full power
    inside, and brings no correction.
    """
    (first, last), (before, after) = found.inside_w, found.outside_w
    if before is None or after is None:
        return max(first, last), -max(first, last)
    if not found.edges:  # readings of an instant: an edge that moves loses half of what lies before the next reading
        share = (1 + min(1.0, error_s / found.interval_s)) / 2 if found.interval_s else 1.0
        return share * (first - before), share * (last - after)
    begin, end = found.edges
    (a, b), (c, d) = _edge_slopes(begin, error_s), _edge_slopes(end, error_s)
    return a * (first - before) + d * (last - after), b * (first - before) + c * (last - after)


def _edge_slopes(edge: Edge, error_s: float) -> tuple[float, float]:
    """Share of a clock error that an edge loses where load moves into the window, and where it moves out of it."""
    beyond = _excess(edge.part_s, error_s)
    return (1.0, beyond - 1.0) if edge.outside else (beyond, 0.0)


def _excess(part_s: float, error_s: float) -> float:
    """E max(0, |d| - part) / E |d| of a normal error d."""
    if error_s <= 0:
        return 0.0
    r = part_s / error_s
    return max(0.0, math.exp(-r * r / 2) - r * math.sqrt(math.pi / 2) * math.erfc(r / math.sqrt(2)))


def _rated_term(entry: Entry, span_j: float, source: str) -> Term:
    """U(idle share, 1) times rated: the declared value is the upper end."""
    return Term("rated parts", -span_j, -span_j, "uniform", f"rated|{entry.id}", source)


def _missing_nodes(spoken: Spoken, expected: int) -> tuple[float, list[Part], list[Term]]:
    """Nodes without a trace are held to draw the mean of the others; u^2 = N^2 (1-M/N) s^2/M."""
    energies = [
        found.energy_j * reading.factor for reading, found in spoken if reading.trace.channel.boundary == "node"
    ]
    measured = len(energies)
    missing = expected - measured
    if missing <= 0 or not measured:
        return 0.0, [], []
    mean = math.fsum(energies) / measured
    spread = float(np.std(energies, ddof=1)) if measured > 1 else mean
    scale = expected * math.sqrt((1 - measured / expected) / measured) * spread
    channel = spoken[0][0].trace.channel
    part = Part(channel.calibration_id, missing * mean, channel.accuracy.gain_limit, source="nodes without a trace")
    return (
        missing * mean,
        [part],
        [Term.symmetric("missing nodes", scale, source=f"{missing} of {expected} nodes not measured")],
    )


def _nodes(entry: Entry) -> int:
    try:
        return int(str((entry.system_description or {}).get("number_of_nodes", 0)))
    except ValueError:
        return 0


# Several runs


def _distinct(runs: Sequence[RunEnergy]) -> list[RunEnergy]:
    """Runs without those that are copies of an earlier one: same window, same readings."""
    seen: set[Any] = set()
    kept = []
    for run in runs:
        mark = (run.run.window, tuple(sorted(r.trace.content_sha256 for r in run.readings)))
        if not run.readings or mark not in seen:
            kept.append(run)
        seen.add(mark)
    return kept


def _mean_budget(entry: Entry, runs: Sequence[RunEnergy]) -> Budget | None:
    """Budget of the mean energy of the runs; systematic parts add within a key, random terms average."""
    if not runs:
        return None
    n = len(runs)
    parts = _merge([part.scaled(1 / n) for run in runs for part in run.parts])
    terms = _average([run.terms for run in runs])
    energies = [run.energy_j for run in runs if run.energy_j is not None]
    scatter = RunTerm(float(np.std(energies, ddof=1)) / math.sqrt(n), n - 1) if n > 1 else None
    return Budget(entry.id, tuple(parts), tuple(terms), scatter)


def _merge(parts: Sequence[Part]) -> list[Part]:
    """Parts of one key and one set of limits add up; a key with several limits stays in several parts."""
    found: dict[tuple[Any, ...], Part] = {}
    for part in parts:
        mark = (part.key, round(part.gain_limit, 12), part.efficiency_limit, part.source)
        before = found.get(mark)
        found[mark] = part if before is None else Part(
            part.key, before.energy + part.energy, part.gain_limit, before.offset_limit + part.offset_limit,
            part.efficiency_limit, part.source,
        )  # fmt: skip
    return list(found.values())


def _average(runs: Sequence[Sequence[Term]]) -> list[Term]:
    """Mean over runs of their terms: keyed terms add linearly, the others in squares."""
    n = len(runs)
    found: dict[tuple[str, str | None, str], Term] = {}
    for term in (term.scaled(1 / n) for terms in runs for term in terms):
        mark = (term.name, term.key, term.base)
        before = found.get(mark)
        if before is None:
            found[mark] = term
        elif term.key is None:
            found[mark] = Term.symmetric(term.name, math.hypot(before.up, term.up), term.base, None, term.source)
        else:
            found[mark] = Term(
                term.name, before.up + term.up, before.down + term.down, term.base, term.key, term.source
            )
    return list(found.values())


def _ratio(unit: str, runs: Sequence[RunEnergy], budget: Budget, amounts: Sequence[float]) -> View:
    """Energy per amount of each run: the budget in that unit, with log-t over the ratios."""
    if unit == "J/run":
        return View(unit, run=budget.run)
    ratios = [(run.energy_j or 0.0) / amount for run, amount in zip(runs, amounts, strict=True)]
    if len(ratios) == 1 or min(ratios) <= 0:
        return View(unit, 1 / amounts[0])
    logs = np.log(ratios)
    value = float(np.exp(logs.mean()))
    run = RunTerm(float(logs.std(ddof=1)) / math.sqrt(len(logs)), len(logs) - 1, log=True)
    return View(unit, value / budget.value, run)


def _work(entry: Entry, runs: Sequence[RunEnergy]) -> tuple[str, list[float]]:
    """Unit of the work, and how much each run did; nothing where a run does not say."""
    works = [run.run.work for run in runs]
    default = "run" if entry.task == "training" else "sample"
    unit = works[0].unit if works and works[0] else default
    known = [work.count for work in works if work is not None and work.count > 0 and work.unit == unit]
    return unit, known if len(known) == len(works) else []


# What stands beside the energy


def measurement_class(entry: Entry) -> str:
    """analyzer, sensor, modelled or declared: results of different classes are never ranked together."""
    traces = [t for run in entry.runs for t in run.traces if t.channel.part_of is None]
    if not traces:
        return "declared"
    if any(trace.channel.kind == "estimate" for trace in traces):
        return "modelled"
    table = instruments()
    classes = {table[t.channel.meter].measurement_class if t.channel.meter in table else "sensor" for t in traces}
    return next(name for name in ("modelled", "sensor", "analyzer") if name in classes)


def _performance(entry: Entry) -> Quantity | None:
    found = [run.performance for run in entry.runs if run.performance is not None]
    if not found or entry.task == "inference":
        return found[0] if len(found) == 1 else _mean_quantity(found)
    times = [run.seconds for run in entry.runs]
    value = compat.olympic_mean(times, _kept(entry), entry.scaling_factor)
    return (
        _mean_quantity(found) if value is None else Quantity(value / 60, "min", "time to train, Olympic mean, scaled")
    )


def _mean_quantity(found: Sequence[Quantity]) -> Quantity | None:
    if not found:
        return None
    return Quantity(math.fsum(q.value for q in found) / len(found), found[0].unit, found[0].name)


def _quality(entry: Entry) -> Quality | None:
    """The worst quality of the runs: each run must reach the target."""
    found = [run.quality for run in entry.runs if run.quality is not None]
    if not found:
        return None
    known = benchmarks().get((entry.task, entry.benchmark))
    choose = max if known is not None and known.better == "lower" else min
    return choose(found, key=lambda quality: quality.value)


def _kept(entry: Entry) -> list[int]:
    known = benchmarks().get((entry.task, entry.benchmark))
    reached = [run.success is not False for run in entry.runs]
    return compat.olympic_kept([run.seconds for run in entry.runs], reached, known.olympic_drop if known else 1)


def _compat(entry: Entry, runs: Sequence[RunEnergy]) -> dict[str, Any]:
    if entry.task == "inference":
        return _compat_inference(entry)
    kept, factor = _kept(entry), entry.scaling_factor
    found: dict[str, Any] = {}
    for name, node in (("mlperf_training_v4.0", _node_v4_0), ("mlperf_training_current", _node_current)):
        values = [_training_run(run, node) for run in entry.runs]
        found[name] = {"value": compat.olympic_mean(values, kept, factor), "unit": "J"}
        if found[name]["value"] is None:
            found[name]["note"] = _why_none(entry, kept, values)
    ours = compat.olympic_mean([run.energy_j for run in runs], kept, factor)
    note = "our window energies, averaged and scaled as MLPerf does"
    found["window_olympic_scaled"] = {"value": ours, "unit": "J", "note": note}
    return found


def _why_none(entry: Entry, kept: Sequence[int], values: Sequence[float | None]) -> str:
    if not kept:
        return "too few runs for an Olympic mean"
    missing = [entry.runs[i].id for i in kept if values[i] is None]
    return f"that code fails on {len(missing)} of {len(kept)} kept runs (first: {missing[0]})"


def _compat_inference(entry: Entry) -> dict[str, Any]:
    run = entry.runs[0] if entry.runs else None
    total = next((t for t in run.traces if t.channel.part_of is None), None) if run else None
    if run is None or total is None or run.window is None or "values" not in run.facts:
        return {}
    queries = run.facts.get("values", {}).get("result_query_count")
    number = float(queries) if isinstance(queries, int | float) else None
    found = compat.mlperf_inference(*total.source_order(), run.window, entry.scenario, number)
    unit = "mJ" if entry.scenario in ("SingleStream", "MultiStream") else "W"
    if found is None:
        return {"mlperf_inference": {"value": None, "unit": unit, "note": "no reading strictly inside the window"}}
    return {"mlperf_inference": {"value": found[0], "unit": found[1]}}


def _training_run(run: Run, node: Any) -> float | None:
    """A run's energy by one of the peer's formulas [J]; None where that formula fails on one of its logs."""
    traces = [trace for trace in run.traces if trace.channel.boundary == "node"]
    if run.seconds is None or not traces:
        return None
    values = [node(trace, run.seconds) for trace in traces]
    if any(value is None for value in values):
        return None
    return math.fsum(values) + math.fsum(part.power_w for part in run.rated) * run.seconds


def _node_v4_0(trace: Trace, seconds: float) -> float | None:
    marks, order = trace.channel.extra, trace.source_order()
    if marks.get("marker_start_ns") is None:
        return None
    value = compat.training_node_v4_0(
        *order, marks["marker_start_ns"], marks.get("marker_stop_ns"), marks.get("marker_stop_position"), seconds
    )
    return None if value is None else value * (trace.channel.conversion_efficiency or 1.0)


def _node_current(trace: Trace, seconds: float) -> float | None:
    marks, order = trace.channel.extra, trace.source_order()
    if marks.get("marker_start_ns") is None:
        return None
    value = compat.training_node_current(*order, marks["marker_start_ns"], marks.get("marker_stop_ns"), seconds)
    return None if value is None else value * (trace.channel.conversion_efficiency or 1.0)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _notes(runs: Sequence[RunEnergy], counted: Sequence[RunEnergy]) -> list[str]:
    """What a reader must know beside the number."""
    notes = []
    if not counted:
        notes.append("no run has both a window and readings that speak of it")
    elif len(counted) < len(runs):
        notes.append(
            f"{len(runs) - len(counted)} of {len(runs)} runs do not count: no energy, or a copy of another run"
        )
    if len(counted) == 1:
        notes.append("one run: the interval holds for this run, scatter between runs is unknown")
    elif 1 < len(counted) < 5:
        notes.append(f"{len(counted)} runs: five are needed to be ranked on the long-run mean")
    if any(r.trace.channel.accuracy.assumed for run in counted for r in run.readings):
        notes.append("the meter is unknown: the widest limit of its class is assumed")
    if any(r.trace.channel.clock_error_s is None for run in counted for r in run.readings):
        notes.append(f"clock error unknown: {UNKNOWN_CLOCK_S} s assumed")
    if any(run.estimated_j for run in counted):
        notes.append("part of the energy is estimated, not measured")
    lowest = min((run.coverage for run in counted), default=1.0)
    if lowest < 1:
        notes.append(f"readings cover {lowest:.2%} of the window in the worst run; the rest is filled")
    return notes
