"""Sessions of one or more runs of a cell, each scored through the public interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.laboratory import loads
from benchmarks.laboratory.cells import Cell
from benchmarks.laboratory.loads import Curve, PowerSupply, play
from benchmarks.laboratory.meters import (
    Errors,
    as_entry,
    as_run,
    as_trace,
    draw_errors,
    read,
)
from harness.formats.base import Run
from harness.scoring.score import score
from harness.traces.supplies import Supply

SEED = 20210410
DRAWS = 10_000
BETWEEN_RUNS_S = 10_000.0
BESIDE_WINDOW = "the readings show the load"
"""Part of the note on load that lies beside its window."""
LONG_RUN_PLAYS = 400
"""Plays whose mean is taken for the long-run mean of a load."""


@dataclass(frozen=True)
class Outcome:
    """What a cell showed.

    Attributes:
        coverage: Share of sessions whose interval holds the truth.
        width: Mean width of the interval over that of the oracle.
        bias: Mean relative error of the value.
        half_width: Mean half-width of the interval, relative.
        noted: Share of sessions with a note that the load lies beside its window.
    """

    coverage: float
    width: float
    bias: float
    half_width: float
    noted: float = 0.0


@dataclass(frozen=True)
class Session:
    """One session: the true energy and what was printed.

    Attributes:
        truth: True energy [J].
        value: Energy that was printed [J].
        low: Lower end of its interval [J].
        high: Upper end [J].
        words: Notes and lines of the budget.
    """

    truth: float
    value: float
    low: float
    high: float
    words: tuple[str, ...] = ()


def sessions(cell: Cell, count: int, seed: int = SEED) -> Iterator[Session]:
    """Play, read and score `count` sessions of a cell."""
    key = [seed, *(ord(letter) for letter in f"{cell.group}|{cell.name}")]
    long_run = None
    if cell.n > 1 and cell.same_errors is None:
        rng = np.random.default_rng([*key, count])
        plays = [play(cell.load, cell.seconds, rng) for _ in range(LONG_RUN_PLAYS)]
        energies = [float(curve.energy(0.0, cell.seconds)) for curve in plays]
        long_run = cell.nodes * float(np.mean(energies))
    for number in range(count):
        rng = np.random.default_rng([*key, number])
        yield one_session(cell, rng, long_run)


def one_session(cell: Cell, rng: np.random.Generator, long_run: float | None = None) -> Session:
    """Play, read and score one session.

    Args:
        cell: Setting.
        rng: Random numbers of the session.
        long_run: True long-run mean [J], for several runs; the truth of one run is what it drew.
    """
    node_errors = _node_errors(cell, rng)
    load, phase = cell.load, None
    supply = loads.draw_supply(rng) if cell.supply else None
    if cell.same_errors is not None:
        load, phase = cell.same_errors(rng), float(rng.uniform())
    runs: list[Run] = []
    energies = []
    for number in range(cell.n):
        start_s = number * BETWEEN_RUNS_S
        level = 1.0 if not cell.cv else float(np.exp(rng.normal(-(cell.cv**2) / 2, cell.cv)))
        traces, energy = [], 0.0
        for node, errors in enumerate(node_errors):
            curve = _scaled(play(load, cell.seconds, rng), level)
            energy += float(curve.energy(0.0, cell.seconds))
            if supply is not None:
                curve = supply.at_the_wall(curve)
            stamps, values = read(cell.meter, curve, errors, rng, phase)
            calibration = "meter" if cell.sharing == "shared" else f"meter {node}"
            name = f"node {node}" if cell.nodes > 1 else ""
            trace = as_trace(cell.meter, stamps, values, start_s, calibration, name)
            if supply is not None:
                trace = replace(trace, channel=replace(trace.channel, **_stated(cell, supply)))
            traces.append(trace)
        runs.append(as_run(traces, cell.seconds, start_s, f"run_{number}", 1000.0))
        energies.append(energy)
    result = score(as_entry("cell", runs), draws=DRAWS)
    estimate = result.energy
    nothing = float("nan")
    return Session(
        float(np.mean(energies)) if long_run is None else long_run,
        nothing if estimate.value is None else estimate.value,
        nothing if estimate.low is None else estimate.low,
        nothing if estimate.high is None else estimate.high,
        (*result.notes, *(row.term for row in result.rows)),
    )


def _stated(cell: Cell, supply: PowerSupply) -> dict[str, Any]:
    """Return what a channel states of the supplies between the meter and the load."""
    if cell.supply == "best efficiency":
        return {"conversion_efficiency": round(supply.peak, 3)}
    shares = np.array([0.1, 0.2, 0.5, 1.0])
    points = zip(shares.tolist(), supply.efficiency(shares).tolist(), strict=True)
    return {"supply": Supply(supply.rated_w, "certificate", tuple(points))}


def _scaled(curve: Curve, level: float) -> Curve:
    return Curve(curve.t, curve.power * level, curve.cumulative * level)


def _node_errors(cell: Cell, rng: np.random.Generator) -> list[Errors]:
    errors = [draw_errors(cell.meter, rng) for _ in range(cell.nodes)]
    common = errors[0]
    if cell.sharing == "shared":
        return [common] * cell.nodes
    if cell.sharing == "common mode":
        return [
            Errors(
                0.8 * common.gain + 0.2 * single.gain,
                0.8 * common.offset_w + 0.2 * single.offset_w,
            )
            for single in errors
        ]
    return errors


def outcome(cell: Cell, count: int, seed: int = SEED) -> Outcome:
    """Return coverage and width over `count` sessions of a cell."""
    played = list(sessions(cell, count, seed))
    truth, value, low, high = np.array([(s.truth, s.value, s.low, s.high) for s in played]).T
    held = (low <= truth) & (truth <= high)
    errors = value / truth - 1
    oracle = float(np.quantile(errors, 0.975) - np.quantile(errors, 0.025))
    if cell.shows_scatter:  # an oracle, too, knows the scatter of n runs by Student's t only
        oracle *= float(stats.t.ppf(0.975, cell.n - 1) / stats.norm.ppf(0.975))
    width = float(np.mean((high - low) / truth))
    noted = [any(BESIDE_WINDOW in words for words in session.words) for session in played]
    return Outcome(
        float(held.mean()),
        width / oracle if oracle > 0 else float("inf"),
        float(errors.mean()),
        width / 2,
        float(np.mean(noted)),
    )
