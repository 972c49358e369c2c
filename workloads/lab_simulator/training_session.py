"""An MLPerf Training power result: several runs, several nodes, the oddities of real packages.

Truth is what each node's metering point drew between `run_start` and `run_stop`, before any
`conversion_eff`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from .files import write_text
from .meter import MeterModel, Recording, draw_error, record
from .mllog import TrainingRun, line, result_text
from .power import NS, Load, PowerCurve, make_curve, to_ns
from .system import system_description
from .truth import PERFECT, MeterError, Truth
from .window import EPOCH_NS

NODE_LOAD = Load(idle_w=2200.0, base_w=6200.0, step_w=300.0, drift_w=80.0, noise_w=90.0, ramp_s=2.0)
"""A node with eight accelerators."""
NODE_METER = MeterModel(
    kind="mean",
    jitter_s=0.08,
    resolution=1.0,
    reading_limit_rel=0.02,
    range_limit_w=5.0,
    clock_sigma_s=0.0,
)
"""A power distribution unit: whole watts, 2 % of reading."""
SWITCH_METER = MeterModel(kind="mean", resolution=1.0)
PAUSE_S = 120.0
"""Time between the end of one run and the start of the next [s], beside twice the padding."""
RUN_SPREAD_REL = 0.02
"""Standard deviation of the runs' lengths, relative."""
EXAMPLE_STAMP_NS = 1_652_749_794_206_000_000
"""The stamp real switch estimates carry: copied from an example of May 2022."""
BATCH = 64


@dataclass(frozen=True)
class TrainingForm:
    """How the files are written: first the forms, then the defects, all seen in real packages."""

    rank_prefix: bool = False
    """Whether events in the result log follow `0: `."""
    padding_s: float = 4.0
    """Idle time logged on each side of the run [s]."""
    conversion_eff: float | None = None
    """AC to DC efficiency stated in each node log."""
    scaling_factor: float | None = None
    """Content of scaling.json; None: no such file."""
    interconnect_power_w: float | None = None
    """Estimated power of the switch [W], stated in sw_0.txt."""
    switch_power_w: float | None = None
    """True mean power of a measured switch [W], logged in sw_0.txt under `power_reading`."""
    switch_clock_s: float = -5 * 3600.0
    """Clock of the measured switch minus the true clock [s]."""
    stop: Literal["after", "start", "missing"] = "after"
    """`power_measurement_stop`: after the last reading, at the time of the start, or not there."""
    string_values: bool = False
    """Whether readings are JSON strings."""
    equal_stamps: int = 0
    """Every this many readings, one has the stamp of the one before; 0: never."""
    backward_stamps: int = 0
    """Every this many readings, one changes places with the one before; 0: never."""
    copied_nodes: bool = False
    """Whether each odd node's log is a copy of the even one's before it."""
    png_files: bool = False
    """Whether a picture lies among the logs of each run."""


PLAIN_FORM = TrainingForm()


def write_training(
    out_dir: Path,
    *,
    submitter: str,
    system: str,
    benchmark: str,
    seed: int,
    runs: int = 5,
    nodes: int = 1,
    start_ns: int = EPOCH_NS,
    duration_s: float = 90.0,
    steps_per_s: float = 10.0,
    load: Load = NODE_LOAD,
    meter: MeterModel = NODE_METER,
    errors: Sequence[MeterError] | None = None,
    form: TrainingForm = PLAIN_FORM,
) -> tuple[Truth, ...]:
    """Write one benchmark's runs below `<out_dir>/<submitter>` and return the truth of each run.

    duration_s: mean length of a run [s]; runs differ by about 2 %. steps_per_s: training steps,
    of 64 samples each. load, meter: of each node; sampling every 2 s is `replace(NODE_METER,
    interval_s=2.0)`. errors: the true errors of each node's meter, the same in all runs; drawn
    within its limits if None.
    """
    rng = np.random.default_rng(seed)
    if errors is None:
        errors = [draw_error(meter, rng) for _ in range(nodes)]
    if len(errors) != nodes:
        raise ValueError(f"errors: got {len(errors)}, expected one for each of {nodes} nodes")
    root = out_dir / submitter
    folder = root / "results" / system / benchmark
    truths = []
    t_ns = start_ns
    for number in range(runs):
        t0_ns = t_ns + to_ns(form.padding_s + PAUSE_S / 2)
        run = _draw_run(number, t0_ns, duration_s, steps_per_s, rng)
        text = result_text(
            run, submitter=submitter, benchmark=benchmark, nodes=nodes, rank_prefix=form.rank_prefix
        )
        write_text(folder / f"{run.name}.txt", text)
        truths.append(
            _write_power(folder / "power" / run.name, run, load, meter, errors, form, rng)
        )
        t_ns = run.t1_ns + to_ns(form.padding_s + PAUSE_S / 2)
    if form.scaling_factor is not None:
        write_text(folder / "scaling.json", json.dumps({"scaling_factor": form.scaling_factor}))
    description = system_description(submitter, system, nodes, "onprem")
    write_text(root / "systems" / f"{system}.json", json.dumps(description, indent=2))
    return tuple(truths)


def _draw_run(
    number: int, t0_ns: int, duration_s: float, steps_per_s: float, rng: np.random.Generator
) -> TrainingRun:
    length_s = duration_s * max(0.5, 1 + RUN_SPREAD_REL * rng.standard_normal())
    steps = round(length_s * steps_per_s)
    return TrainingRun(
        f"result_{number}",
        t0_ns,
        t0_ns + to_ns(length_s),
        int(rng.integers(1, 2**31)),
        steps,
        BATCH,
    )


def _write_power(
    folder: Path,
    run: TrainingRun,
    load: Load,
    meter: MeterModel,
    errors: Sequence[MeterError],
    form: TrainingForm,
    rng: np.random.Generator,
) -> Truth:
    """The power logs of one run, and its truth."""
    curves = [_curve(load, run, rng) for _ in errors]
    text = ""
    for node, (curve, error) in enumerate(zip(curves, errors, strict=True)):
        recording = _watch(curve, meter, error, form.padding_s, rng)
        if not (form.copied_nodes and node % 2):
            text = _node_text(recording, form)
        write_text(folder / f"node_{node}.txt", text)
    switch_j = _write_switch(folder / "sw_0.txt", run, form, rng)
    if form.png_files:
        (folder / f"nodes_0_to_{len(errors) - 1}.png").write_bytes(_png())
    energy_j = tuple(curve.window_j for curve in curves)
    meters = tuple(errors)
    return Truth(run.name, run.t0_ns, run.t1_ns, energy_j, meters, switch_j, run.steps, run.samples)


def _curve(load: Load, run: TrainingRun, rng: np.random.Generator) -> PowerCurve:
    return make_curve(
        load, t0_ns=run.t0_ns, duration_s=(run.t1_ns - run.t0_ns) / NS, rng=rng, grid_s=0.05
    )


def _watch(
    curve: PowerCurve,
    meter: MeterModel,
    error: MeterError,
    padding_s: float,
    rng: np.random.Generator,
) -> Recording:
    """Readings from `padding_s` before the run to as long after it."""
    start_ns = curve.t0_ns - to_ns(padding_s + rng.uniform(0, meter.interval_s))
    stop_ns = curve.t1_ns + to_ns(padding_s + meter.interval_s)
    return record(curve, meter, error, start_ns=start_ns, stop_ns=stop_ns, rng=rng)


def _node_text(recording: Recording, form: TrainingForm) -> str:
    """node_K.txt: the start marker at the first reading's stamp, the readings, the stop marker."""
    t_ns, value = recording.t_ns.copy(), recording.value
    rows = np.arange(1, t_ns.size)
    if form.equal_stamps:
        equal = rows[rows % form.equal_stamps == 0]
        t_ns[equal] = t_ns[equal - 1]
    order = np.arange(t_ns.size)
    if form.backward_stamps:
        back = rows[rows % form.backward_stamps == 0]
        order[back], order[back - 1] = order[back - 1].copy(), order[back].copy()
    readings = [
        _reading(t, watts, form)
        for t, watts in zip(t_ns[order].tolist(), value[order].tolist(), strict=True)
    ]
    return _measurement(int(t_ns[0]), int(t_ns[-1]), readings, form)


def _measurement(start_ns: int, stop_ns: int, readings: list[str], form: TrainingForm) -> str:
    lines = [line(start_ns, "INTERVAL_START", "power_measurement_start", None, "")]
    if form.conversion_eff is not None:
        lines.append(
            line(
                start_ns,
                "POINT_IN_TIME",
                "conversion_eff",
                form.conversion_eff,
                {"measurement_type": "AC"},
            )
        )
    lines += readings
    if form.stop != "missing":
        at_ns, value = (stop_ns, None) if form.stop == "after" else (start_ns, "null")
        lines.append(line(at_ns, "INTERVAL_END", "power_measurement_stop", value, ""))
    return "\n".join(lines) + "\n"


def _reading(t_ns: int, watts: float, form: TrainingForm) -> str:
    value: object = int(watts) if watts.is_integer() else round(watts, 3)
    return line(
        t_ns, "POINT_IN_TIME", "power_reading", str(value) if form.string_values else value, ""
    )


def _write_switch(
    path: Path, run: TrainingRun, form: TrainingForm, rng: np.random.Generator
) -> float:
    """sw_0.txt if the form has a switch, measured or estimated; returns a measured one's true
    energy [J]."""
    if form.switch_power_w is not None:
        load = Load(
            idle_w=0.97 * form.switch_power_w,
            base_w=form.switch_power_w,
            step_w=0.0,
            drift_w=0.0,
            noise_w=2.0,
        )
        curve = _curve(load, run, rng)
        error = replace(PERFECT, clock_offset_s=form.switch_clock_s)
        write_text(path, _node_text(_watch(curve, SWITCH_METER, error, form.padding_s, rng), form))
        return curve.window_j
    if form.interconnect_power_w is not None:
        metadata = {"switch_id": "sw_01"}
        write_text(
            path,
            line(
                EXAMPLE_STAMP_NS,
                "POINT_IN_TIME",
                "interconnect_power_est",
                form.interconnect_power_w,
                metadata,
            )
            + "\n",
        )
    return 0.0


def _png() -> bytes:
    """A picture of one grey pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00\x80")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
