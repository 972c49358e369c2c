"""An MLPerf Inference power result: a ranging and a testing run, in the files of a real submission.

Truth here is by the client's clock, which is LoadGen's; the director's clock, and so every stamp
of the meter, is `clock_offset_s` ahead of it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from .analyzer import WT210, WT310E, WT333E, Analyzer, Sample, merged_spl_lines, read_samples
from .clock import session_stamp
from .files import write_text
from .inference_files import PowerRun, write_files
from .loadgen import SAMPLES_PER_MULTISTREAM_QUERY, LoadgenRun, Scenario
from .meter import NO_FAULTS, Faults, draw_error, record, with_faults
from .power import MS, NS, Load, PowerCurve, make_curve, to_ns
from .power_client import Dialogue
from .power_server import SETTLE_S, PowerServer
from .ptdaemon import PtDaemon
from .system import system_description
from .truth import MeterError, Truth
from .window import EPOCH_NS

ConfigForm = Literal["dict", "list"]
AnalyzerSet = Literal["WT210", "WT333E", "two_analyzers"]
ANALYZERS: Mapping[AnalyzerSet, tuple[tuple[Analyzer, float], ...]] = {
    "WT210": ((WT210, 1.0),),
    "WT333E": ((WT333E, 1.0),),
    "two_analyzers": (
        (WT310E, 0.56),
        (replace(WT310E, identity="YOKOGAWA,WT310E,SIMULATED2,F1.04"), 0.44),
    ),
}
"""The analyzers of each set, and the share of the system's power each one sees."""
PTD_VERSIONS = {"dict": "1.10.0", "list": "1.11.1"}
LOADGEN_VERSIONS = {False: "4.1", True: "5.1"}
"""Release of LoadGen of the time of each form of the power software."""
BEFORE_LOAD_S, AFTER_LOAD_S = 6.0, 3.0
"""Time from the start of the workload's process to its load, and from the load to the process's
end [s]."""


def write_inference(
    out_dir: Path,
    *,
    submitter: str,
    system: str,
    benchmark: str,
    scenario: Scenario,
    seed: int,
    start_ns: int = EPOCH_NS,
    duration_s: float = 60.0,
    load: Load = Load(),  # noqa: B008 - frozen
    samples_per_s: float = 1000.0,
    tokens_per_sample: int = 0,
    analyzers: AnalyzerSet = "WT210",
    errors: Sequence[MeterError] | None = None,
    clock_sigma_s: float = 0.0,
    zone_h: float = -7.0,
    config_form: ConfigForm | None = None,
    faults: Faults = NO_FAULTS,
    ranging_faults: Faults = NO_FAULTS,
) -> Truth:
    """Write one result below `<out_dir>/closed/<submitter>` and return the truth of its testing
    run.

    duration_s: length of each of the two load windows [s]. samples_per_s, tokens_per_sample: the
    work done; tokens are counted in Offline and Server only. errors: true errors of each
    analyzer, drawn within its limits if None; the first one's clock stamps all. clock_sigma_s:
    standard deviation of that clock's offset, where it is drawn [s]. zone_h: hours the local
    clocks are east of UTC. config_form: how server.json states `ptd_config`, a dict until 2024
    and a list since; None: list for two. faults, ranging_faults: of the first analyzer, in the
    testing and in the ranging run.
    """
    rng = np.random.default_rng(seed)
    chosen = ANALYZERS[analyzers]
    form = _form(config_form, len(chosen))
    if tokens_per_sample and scenario not in ("Offline", "Server"):
        raise ValueError(f"tokens_per_sample: got {tokens_per_sample}, expected 0 in {scenario}")
    meters = _meters(chosen, load, errors, clock_sigma_s, rng)
    session = session_stamp(start_ns, zone_h)
    daemons = [PtDaemon(analyzer, PTD_VERSIONS[form]) for analyzer, _ in chosen]
    server = PowerServer(session, zone_h, form == "list", daemons)
    dialogue = Dialogue(server, to_ns(meters[0].clock_offset_s))
    work = _work(scenario, samples_per_s, duration_s, tokens_per_sample)
    uuids = {who: str(uuid.UUID(bytes=rng.bytes(16), version=4)) for who in ("client", "server")}
    t_ns = dialogue.open_session(start_ns, uuids)
    runs = []
    for mode, mode_faults in (("ranging", ranging_faults), ("testing", faults)):
        plan = _Plan(mode, scenario, duration_s, load, work, chosen, meters, mode_faults)
        runs.append(_play(plan, dialogue, t_ns, rng))
        t_ns = runs[-1].phases_ns[3] + 30 * MS
    dialogue.say(t_ns, "Done runs")
    server.say(t_ns + dialogue.offset_ns, f"Got command from the client 'session,{session},done'")
    server.finish(t_ns + dialogue.offset_ns)
    root = out_dir / "closed" / submitter
    write_files(root / "results" / system / benchmark / scenario, dialogue, runs, uuids, form)
    description = system_description(submitter, system, 1, "available")
    write_text(root / "systems" / f"{system}.json", json.dumps(description, indent=4))
    curve = runs[1].curve
    queries, samples, tokens = work
    return Truth(
        session, curve.t0_ns, curve.t1_ns, (curve.window_j,), meters, 0.0, queries, samples, tokens
    )


def _form(config_form: ConfigForm | None, analyzers: int) -> ConfigForm:
    """The form of `ptd_config`: only a list can name more than one analyzer."""
    if config_form == "dict" and analyzers > 1:
        raise ValueError("config_form: got 'dict', expected 'list' for more than one analyzer")
    return config_form or ("list" if analyzers > 1 else "dict")


def _meters(
    chosen: Sequence[tuple[Analyzer, float]],
    load: Load,
    errors: Sequence[MeterError] | None,
    clock_sigma_s: float,
    rng: np.random.Generator,
) -> tuple[MeterError, ...]:
    """The true errors of the analyzers; the clock is the director's, so the first one's holds
    for all."""
    if errors is None:
        models = [analyzer.model(load.peak_w * share, clock_sigma_s) for analyzer, share in chosen]
        errors = [draw_error(model, rng) for model in models]
    if len(errors) != len(chosen):
        raise ValueError(
            f"errors: got {len(errors)}, expected one for each of {len(chosen)} analyzers"
        )
    return tuple(replace(error, clock_offset_s=errors[0].clock_offset_s) for error in errors)


def _work(
    scenario: Scenario, samples_per_s: float, duration_s: float, tokens: int
) -> tuple[int, int, int]:
    """Queries, samples and tokens done in one window."""
    samples = round(samples_per_s * duration_s)
    if scenario == "MultiStream":
        samples -= samples % SAMPLES_PER_MULTISTREAM_QUERY
        return samples // SAMPLES_PER_MULTISTREAM_QUERY, samples, 0
    return (1 if scenario == "Offline" else samples), samples, samples * tokens


@dataclass(frozen=True)
class _Plan:
    """What one run is to be."""

    mode: str
    scenario: Scenario
    duration_s: float
    load: Load
    work: tuple[int, int, int]
    analyzers: Sequence[tuple[Analyzer, float]]
    meters: Sequence[MeterError]
    faults: Faults


def _play(plan: _Plan, dialogue: Dialogue, t_ns: int, rng: np.random.Generator) -> PowerRun:
    """One run from its first to its last phase stamp."""
    server, offset_ns = dialogue.server, dialogue.offset_ns
    ask = f"session,{server.session},{{}},{plan.mode}"
    dialogue.say(t_ns, f"Running workload in {plan.mode} mode")
    dialogue.synchronise(t_ns)
    start_ns = t_ns + 2 * MS
    dialogue.ask(start_ns, ask.format("start"))
    start_server = server.start_ranging if plan.mode == "ranging" else server.start_testing
    go_ns = start_server(start_ns + MS + offset_ns) - offset_ns
    dialogue.reply(go_ns + MS, "OK")
    dialogue.compare_clocks(go_ns + 2 * MS)
    dialogue.say(go_ns + 4 * MS, "Running the workload 'simulated'")

    loadgen_ns = go_ns + 10 * MS
    load_ns = loadgen_ns + to_ns(BEFORE_LOAD_S) + int(rng.integers(0, 1000)) * MS
    curve = make_curve(plan.load, t0_ns=load_ns, duration_s=plan.duration_s, rng=rng)
    end_ns = curve.t1_ns + to_ns(AFTER_LOAD_S)
    dialogue.compare_clocks(end_ns - 2 * MS)
    dialogue.ask(end_ns, ask.format("stop"))
    stop_ns = end_ns + to_ns(SETTLE_S)
    samples = _measure(plan, curve, go_ns, stop_ns, rng)
    done_ns = server.stop(stop_ns + offset_ns, samples, ranging=plan.mode == "ranging") - offset_ns
    dialogue.reply(done_ns + MS, "OK")
    dialogue.compare_clocks(done_ns + 2 * MS)
    folder = "ranging" if plan.mode == "ranging" else "run_1"
    dialogue.say(
        done_ns + 5 * MS, f"Copying loadgen logs from 'last_mlperf_logs' to 'power_logs/{folder}'"
    )

    loadgen = LoadgenRun(
        plan.scenario,
        loadgen_ns,
        curve.t0_ns,
        curve.t1_ns,
        *plan.work,
        server.zone_h,
        LOADGEN_VERSIONS[server.new_form],
    )
    spl = _spl_text(samples, f"{server.session}_{plan.mode}")
    return PowerRun(loadgen, curve, spl, (start_ns, go_ns + MS, end_ns, done_ns + MS))


def _measure(
    plan: _Plan, curve: PowerCurve, go_ns: int, stop_ns: int, rng: np.random.Generator
) -> list[list[Sample]]:
    """The samples of each analyzer from Go to Stop; the first cell began before, as meters never
    pause."""
    samples = []
    for number, ((analyzer, share), error) in enumerate(
        zip(plan.analyzers, plan.meters, strict=True)
    ):
        first_ns = go_ns + int(rng.integers(100, 1000)) * MS
        model = analyzer.model(plan.load.peak_w * share, 0.0)
        part = record(
            curve.scaled(share), model, error, start_ns=first_ns - NS, stop_ns=stop_ns, rng=rng
        )
        if number == 0:
            part = with_faults(part, plan.faults)
        samples.append(read_samples(analyzer, part, rng))
    return samples


def _spl_text(samples: Sequence[Sequence[Sample]], mark: str) -> str:
    """spl.txt: the lines, and the blank line at the end that real ones have."""
    if len(samples) > 1:
        return "".join(f"{line}\n" for line in merged_spl_lines(samples, mark))
    return "".join(f"{sample.spl_line(mark)}\n" for sample in samples[0]) + "\n"
