"""Cells of one entry: which load is played, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from benchmarks.laboratory import loads
from benchmarks.laboratory.loads import Load
from benchmarks.laboratory.meters import Meter


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
        "mean, stamped at the start": lambda: Meter(begin_stamps=True),
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
