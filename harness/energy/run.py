"""Energy of one run: its channels, its rated parts, and the nodes that nobody measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.energy.integrate import ChannelEnergy, Edge, energy
from harness.formats.base import Entry, Run
from harness.traces.trace import Trace
from harness.uncertainty.budget import Budget, MeteredEnergy, UncertaintyComponent

MOST_NODES = 1_000_000
"""A description that states more nodes states none; the largest systems have 160 thousand."""
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

    energy_j: best estimate [J]; estimated_j: the part of it that is rated, or of nodes that nobody measured [J]
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
    parts: tuple[MeteredEnergy, ...] = ()
    terms: tuple[UncertaintyComponent, ...] = ()


def run_energy(entry: Entry, run: Run) -> RunEnergy:
    """Energy of one run: channels that are not part of another, rated parts, and nodes that nobody measured."""
    summed = run.outer
    window = run.window if run.window is not None and run.window.seconds > 0 else None
    readings = tuple(Reading(trace, energy(trace, window) if window else None) for trace in summed)
    spoken = [(r, r.energy) for r in readings if r.energy is not None]
    nodes = {r.trace.channel.node for r, _ in spoken if r.trace.channel.boundary == "node"}
    expected = max(_nodes(entry), len(nodes)) if nodes else 0
    coverage = (
        min((e.coverage for _, e in spoken), default=0.0) if len(spoken) == len(readings) else 0.0
    )
    if window is None or not spoken:
        return RunEnergy(run, readings, None, 0.0, 0.0, 0.0, 0.0, 0.0, (len(nodes), expected))
    parts, terms = _parts(spoken, window.seconds), _terms(spoken, entry.id)
    rated = math.fsum(part.power_w for part in run.rated) * window.seconds
    parts += [
        MeteredEnergy(f"rated|{entry.id}", part.power_w * window.seconds, 0.0, source=part.source)
        for part in run.rated
    ]
    terms += [
        _rated_term(entry, part.power_w * (1 - part.idle_share) * window.seconds, part.source)
        for part in run.rated
    ]
    filled_nodes, node_parts, node_terms = _missing_nodes(spoken, expected, entry.id)
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


def _parts(spoken: Spoken, seconds: float) -> list[MeteredEnergy]:
    parts = []
    for reading, found in spoken:
        channel = reading.trace.channel
        accuracy = channel.accuracy
        parts.append(
            MeteredEnergy(
                key=channel.calibration_id,
                energy=found.energy_j * reading.factor,
                gain_mpe=accuracy.gain_mpe,
                offset_mpe_j=accuracy.range_limit_w * seconds * reading.factor,
                efficiency_limit=EFFICIENCY_LIMIT if channel.conversion_efficiency else 0.0,
                source=accuracy.source,
            )
        )
    return parts


def _terms(spoken: Spoken, entry_id: str) -> list[UncertaintyComponent]:
    """Edge, gap, sampling and quantisation, independent between channels; the clock, shared by its key."""
    named = (
        ("window edges", "u_edge_j"),
        ("gaps", "u_gap_j"),
        ("sampling", "u_sampling_j"),
        ("quantisation", "u_quantisation_j"),
    )
    terms = []
    factors = [(found, reading.factor) for reading, found in spoken]
    for name, attribute in named:
        scale = math.hypot(*(getattr(found, attribute) * factor for found, factor in factors))
        if scale:
            terms.append(
                UncertaintyComponent.symmetric(
                    name, scale, source="docs/explanation/methodology.md, one run"
                )
            )
    for reading, found in spoken:
        declared = reading.trace.channel.clock_error_s
        error = UNKNOWN_CLOCK_S if declared is None else declared
        up, down = clock_slopes(found, error)
        scale = error * reading.factor
        source = (
            "unknown clock, 0.1 s assumed"
            if declared is None
            else "largest difference of the two clocks"
        )
        if scale and (up or down):
            terms.append(
                UncertaintyComponent(
                    "clock",
                    up * scale,
                    down * scale,
                    key=f"clock|{_clock(reading.trace, entry_id)}",
                    source=source,
                )
            )
    return terms


def _clock(trace: Trace, entry_id: str) -> str:
    """Whose clock it is: one of which nobody says whose is shared with no other entry."""
    clock = trace.channel.clock
    return f"unknown of {entry_id}" if clock == "unknown" else clock


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
    if not found.edges:  # readings of an instant: a start that moves loses nothing while load rises, an end loses all
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


def _rated_term(entry: Entry, span_j: float, source: str) -> UncertaintyComponent:
    """U(idle share, 1) times rated: the declared value is the upper end."""
    return UncertaintyComponent(
        "rated parts", -span_j, -span_j, "uniform", f"rated|{entry.id}", source
    )


def _missing_nodes(
    spoken: Spoken, expected: int, entry_id: str
) -> tuple[float, list[MeteredEnergy], list[UncertaintyComponent]]:
    """Nodes without a trace are held to draw the mean of the others; u^2 = N^2 (1-M/N) s^2/M.

    A node that is missed is missed in every run: the term is shared by the runs of an entry.
    """
    nodes: dict[str | None, float] = {}
    for reading, found in spoken:
        if reading.trace.channel.boundary == "node":
            channel = reading.trace.channel
            nodes[channel.node] = nodes.get(channel.node, 0.0) + found.energy_j * reading.factor
    energies = list(nodes.values())
    measured = len(energies)
    missing = expected - measured
    if missing <= 0 or not measured:
        return 0.0, [], []
    mean = math.fsum(energies) / measured
    spread = float(np.std(energies, ddof=1)) if measured > 1 else mean
    scale = expected * math.sqrt((1 - measured / expected) / measured) * spread
    part = MeteredEnergy(
        channel.calibration_id,
        missing * mean,
        channel.accuracy.gain_mpe,
        source="nodes without a trace",
    )
    key, source = f"missing nodes|{entry_id}", f"{missing} of {expected} nodes not measured"
    return (
        missing * mean,
        [part],
        [UncertaintyComponent.symmetric("missing nodes", scale, key=key, source=source)],
    )


def _nodes(entry: Entry) -> int:
    try:
        stated = int(str((entry.system_description or {}).get("number_of_nodes", 0)))
    except ValueError:
        return 0
    return stated if stated <= MOST_NODES else 0
