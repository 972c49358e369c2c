"""Cells of one entry: sessions of one or more runs, each scored through the public interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from scipy import stats

from benchmarks.laboratory import loads
from benchmarks.laboratory.loads import Curve, Load, PowerSupply, play
from benchmarks.laboratory.meters import (
    Errors,
    Meter,
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


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One setting of the laboratory.

    Attributes:
        group: Group of cells, which `--only` selects.
        name: What is special about it.
        load: Load that is played.
        meter: How it is read.
        seconds: Length of the window [s].
        n: Runs of a session.
        cv: Scatter between runs, relative.
        nodes: Machines that are summed.
        sharing: Whether the errors of the nodes' meters are independent, equal, or mostly equal.
        supply: What the channel states of the supplies between the meter and the load: their
            best efficiency, their certificate, or, empty, that there are none.
        same_errors: Draws the load of a session; load and phase of the readings are then the same
            in all of its runs.
    """

    group: str
    name: str
    load: Load
    meter: Meter = field(default_factory=Meter)
    seconds: float = 60.0
    n: int = 1
    cv: float = 0.0
    nodes: int = 1
    sharing: str = "own"
    supply: Literal["", "best efficiency", "certificate"] = ""
    same_errors: Callable[[np.random.Generator], Load] | None = None

    @property
    def shows_scatter(self) -> bool:
        """Whether its runs differ, so that their number limits what can be known."""
        return self.n > 1 and self.cv > 0


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


READINGS: dict[str, Meter] = {
    "mean": Meter(kind="mean"),
    "instant": Meter(kind="instant"),
    "counter": Meter(kind="counter", update_s=0.1, offset_w=0.0),
}


def cells() -> list[Cell]:
    """Return all cells, group by group."""
    return [
        *_load_cells(),
        *_interval_cells(),
        *_step_cells(),
        *_clock_cells(),
        *_gap_cells(),
        *_late_cells(),
        *_repeat_cells(),
        *_node_cells(),
        *_supply_cells(),
    ]


def load_table() -> dict[str, Load]:
    """Return the loads by name."""
    table: dict[str, Load] = {
        "noisy 2 %": loads.window(0.02),
        "capped 0.1 %, idle sd 3 W": loads.window(0.001, 3.0),
        "capped 0.1 %, idle sd 20 W": loads.window(0.001, 20.0),
    }
    for ramp in (0.5, 2.0, 5.0):
        table[f"capped, ramp up {ramp:g} s"] = loads.window(0.001, 3.0, rise_s=ramp)
        table[f"capped, ramp down {ramp:g} s"] = loads.window(0.001, 3.0, fall_s=ramp)
    table["capped, both ramps 0.5 s"] = loads.window(0.001, 3.0, 0.5, 0.5)
    table["capped, rises 0.5 s before"] = loads.early_ramp(0.5)
    table["warm-up that dips"] = loads.warm_up_dip
    table["load goes on"] = loads.goes_on
    table["decay"] = loads.decay
    for frequency in (0.3, 1.03, 3.0):
        table[f"kernels {frequency:g} Hz"] = loads.kernels(frequency)
    table["spikes"] = loads.spikes
    return table


def _load_cells() -> Iterator[Cell]:
    for name, load in load_table().items():
        for reading, meter in READINGS.items():
            yield Cell(group="loads", name=f"{name}; {reading}", load=load, meter=meter)


def _interval_cells() -> Iterator[Cell]:
    for interval in (2.0, 0.1):
        for seconds in (10.0, 60.0, 600.0):
            for reading, meter in READINGS.items():
                yield Cell(
                    group="intervals",
                    name=f"noisy 2 %; {reading} each {interval:g} s; window {seconds:g} s",
                    load=loads.window(0.02),
                    meter=_with(meter, interval_s=interval),
                    seconds=seconds,
                )
    for update in (0.02, 0.1, 1.0):
        yield Cell(
            group="intervals",
            name=f"capped; counter, update {update:g} s; window 10 s",
            load=loads.window(0.001),
            meter=Meter(kind="counter", update_s=update, offset_w=0.0, interval_s=0.5),
            seconds=10.0,
        )


def _step_cells() -> Iterator[Cell]:
    for step in (1.0, 10.0):
        for kind in ("mean", "instant"):
            yield Cell(
                group="steps",
                name=f"steady; {kind}, step {step:g} W",
                load=loads.steady(400.0),
                meter=_with(READINGS[kind], step=step),
            )


def _clock_cells() -> Iterator[Cell]:
    for clock in (0.02, 0.1, 0.3, 0.5, 1.0):
        for reading in ("mean", "instant"):
            yield Cell(
                group="clock",
                name=f"noisy 2 %; {reading}, clock sd {clock:g} s",
                load=loads.window(0.02),
                meter=_with(READINGS[reading], clock_s=clock, declared_clock_s=clock),
            )
    yield Cell(
        group="clock",
        name="noisy 2 %; mean, clock sd 0.3 s, not stated",
        load=loads.window(0.02),
        meter=Meter(clock_s=0.3, declared_clock_s=None),
    )


def _gap_cells() -> Iterator[Cell]:
    for place, start in (("inside", 20.0), ("over the start", -1.5), ("over the end", 58.5)):
        for reading in ("mean", "instant"):
            yield Cell(
                group="gaps",
                name=f"noisy 2 %; {reading}, three readings missing {place}",
                load=loads.window(0.02),
                meter=_with(READINGS[reading], gap=start),
            )


def _late_cells() -> Iterator[Cell]:
    for late in (0.1, 0.3, 0.5):
        for stated in (late, None):
            told = "stated" if stated else "not stated"
            yield Cell(
                group="late stamps",
                name=f"noisy 2 %; mean, stamps {late:g} s late, {told}",
                load=loads.window(0.02),
                meter=Meter(late_s=late, stated_late_s=stated),
            )


def _repeat_cells() -> Iterator[Cell]:
    for n in (2, 3, 4, 5, 7):
        yield Cell(
            group="repeats",
            name=f"noisy 2 %, runs scatter by 0.7 %; n = {n}",
            load=loads.window(0.02),
            n=n,
            cv=0.007,
        )
    for n in (3, 5):
        yield Cell(
            group="repeats",
            name=f"rounding to 10 W, the same in every run; n = {n}",
            load=loads.steady(404.0),
            meter=Meter(step=10.0),
            n=n,
            same_errors=lambda rng: same_level(404.0 + rng.uniform(-5, 5)),
        )
        yield Cell(
            group="repeats",
            name=f"ramp of 0.5 s in every run; n = {n}",
            load=loads.window(0.001, 3.0, rise_s=0.5),
            n=n,
        )
        yield Cell(
            group="repeats",
            name=f"readings locked to the load; instant, kernels 0.3 Hz; n = {n}",
            load=loads.locked(0.3, 0.1),
            meter=Meter(kind="instant"),
            n=n,
            same_errors=lambda rng: loads.locked(0.3, rng.uniform()),
        )


def same_level(level_w: float) -> Load:
    """Return a load at one power in every session."""
    return lambda t, end_s, rng: np.full(len(t), level_w) + 0 * end_s * rng.uniform()


def _node_cells() -> Iterator[Cell]:
    load = loads.window(0.02)
    for sharing, analyzer in (("own", True), ("shared", True), ("common mode", False)):
        yield Cell(
            group="nodes",
            name=f"8 nodes, gain 1 %, {sharing}",
            load=load,
            meter=Meter(gain=0.01, analyzer=analyzer),
            nodes=8,
            sharing=sharing,
        )
    yield Cell(
        group="nodes",
        name="8 nodes, sensors of one model with independent errors",
        load=load,
        meter=Meter(gain=0.01, analyzer=False),
        nodes=8,
    )


def _supply_cells() -> Iterator[Cell]:
    for n in (1, 3):
        for supply in ("best efficiency", "certificate"):
            yield Cell(
                group="supplies",
                name=f"read at the wall, {supply} of the supplies stated; n = {n}",
                load=loads.window(0.02),
                n=n,
                supply=supply,
            )


def misdeclared() -> list[Cell]:
    """Return the cells of the sensitivity analysis: what the channel says is wrong."""
    load = loads.window(0.02)
    wrong: dict[str, Callable[[], Meter]] = {
        "nothing": Meter,
        "mean, declared as instant": lambda: Meter(declared_kind="instant"),
        "instant, declared as mean": lambda: Meter(kind="instant", declared_kind="mean"),
        "mean, stamped at the begin": lambda: Meter(begin_stamps=True),
        "stamps 0.5 s late": lambda: Meter(late_s=0.5),
        "clock 0.5 s off, declared 0.005 s": lambda: Meter(clock_s=0.5),
    }
    return [
        Cell(
            group="misdeclared",
            name=f"{name}; window {seconds:g} s",
            load=load,
            meter=make(),
            seconds=seconds,
        )
        for name, make in wrong.items()
        for seconds in (10.0, 60.0, 600.0)
    ]


def _with(meter: Meter, **changes: object) -> Meter:
    return Meter(**{**vars(meter), **changes})  # type: ignore[arg-type]
