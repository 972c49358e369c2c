"""Runs of many ranks whose true energy is known by construction.

Every machine draws `idle_w`, and `busy_w` while its rank works; readings are exact means over their
cells, stamped by the machine's own clock. The truth is worked out here, apart from the product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.timestamps import NS
from harness.formats.base import Entry, Run, Work
from harness.formats.evidence_facts import evidence_from_facts
from harness.formats.run_directory_writer import write_run
from harness.live.distributed.clock_offset import Clock, Offset
from harness.live.distributed.rank_windows import rank_span_facts
from harness.live.merge_ranks import RANKS
from harness.live.recording import create_run_directory
from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Trace, Window

T0 = 1_700_000_000
INTERVAL_S = 0.1
RECORDED_S = (-3.0, 30.0)
COMPARED_S = (-2.0, 28.0)


@dataclass(frozen=True)
class Machine:
    """One machine and its rank; times are true times since T0 [s].

    round_trip_s, shares_out: of both clock comparisons; the share is that of the way to rank 0
    ahead_s, drift_s: how far the machine's clock is ahead of that of rank 0, and how far it drifts
    """

    idle_w: float
    busy_w: float
    work: tuple[float, float]
    marks: tuple[float, float] | None = None
    ahead_s: float = 0.0
    drift_s: float = 0.0
    round_trip_s: float = 2e-4
    shares_out: tuple[float, float] = (0.5, 0.5)
    channel: dict[str, Any] = field(default_factory=dict)

    def energy(self, start_s: float, stop_s: float) -> float:
        """Its true energy between two times [J]."""
        busy_s = max(0.0, min(stop_s, self.work[1]) - max(start_s, self.work[0]))
        return self.idle_w * (stop_s - start_s) + (self.busy_w - self.idle_w) * busy_s

    def ahead_at_s(self, t_s: float) -> float:
        """How far its clock is ahead at a true time [s]."""
        begin_s, end_s = COMPARED_S
        return self.ahead_s + self.drift_s * (t_s - begin_s) / (end_s - begin_s)

    def local_ns(self, t_s: float) -> int:
        """What its clock shows at a true time [ns]."""
        return T0 * NS + round((t_s + self.ahead_at_s(t_s)) * NS)

    def span(self, span: tuple[float, float]) -> Window:
        return Window(self.local_ns(span[0]), self.local_ns(span[1]))


def readings(machine: Machine, number: int) -> Trace:
    """The trace of a machine, as its meter recorded it."""
    ends = np.arange(RECORDED_S[0], RECORDED_S[1], INTERVAL_S) + 0.013 * number
    power = [machine.energy(end - INTERVAL_S, end) / INTERVAL_S for end in ends]
    about: dict[str, Any] = {
        "id": "wall",
        "kind": "mean",
        "boundary": "wall",
        "calibration_id": f"meter/{number}",
        "accuracy": Accuracy(reading_limit_pct=0.02, source="by construction"),
        "nominal_interval_s": INTERVAL_S,
        "clock": "system",
        "clock_error_s": 0.0,
    }
    values = np.array(power)
    if (about | machine.channel)["kind"] == "counter":
        values = np.cumsum(values * INTERVAL_S) + 1000.0 * number
        about |= {"quantity": "energy", "unit": "J"}
    channel = Channel(**(about | machine.channel))
    t_ns = np.array([machine.local_ns(end) for end in ends], np.int64)
    return Trace(channel, t_ns, values)


def clock_facts(machine: Machine) -> dict[str, Any]:
    """What the comparisons with rank 0 found: off by the asymmetry of the way."""
    offsets = []
    for at_s, share in zip(COMPARED_S, machine.shares_out, strict=True):
        error_s = (share - 0.5) * machine.round_trip_s
        ahead_ns = round((error_s - machine.ahead_at_s(at_s)) * NS)
        offsets.append(Offset(machine.local_ns(at_s), ahead_ns, round(machine.round_trip_s * NS)))
    return Clock.compared(*offsets).facts()


def write_ranks(
    folder: Path,
    entry: Entry,
    machines: Sequence[Machine],
    shared: Sequence[Trace] = (),
    *,
    nodes: Sequence[int] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Path:
    """The run directory of all ranks before they are merged.

    nodes: the machine of each rank, where some share one; facts: further facts of rank 0
    """
    common = facts or {}
    entry = replace(entry, directory=folder.parent, format="joulemark")
    create_run_directory(folder, entry)
    for number, machine in enumerate(machines):
        node = nodes[number] if nodes else number
        rank = {
            "number": number,
            "of": len(machines),
            "node": f"node-{node}",
            "meeting": "m",
            "clock": clock_facts(machine) if node else None,
        }
        life = machine.span(machine.work)
        window = machine.span(machine.marks) if machine.marks else life
        rank |= rank_span_facts(window, life)
        run = Run(
            id=str(number),
            window=window,
            traces=(readings(machine, number), *(shared if number == 0 else ())),
            work=Work(1.0, "run") if number == 0 else None,
            seconds=window.seconds,
            success=True,
            evidence=evidence_from_facts(
                {"rank": rank, "sampler": [{"meter": "m"}]} | (dict(common) if not number else {})
            )[0],
        )
        write_run(entry, run, folder / RANKS / str(number))
    return folder


def true_energy(machines: Sequence[Machine]) -> float:
    """The energy of all machines from the first start to the last end [J]."""
    spans = [machine.marks for machine in machines if machine.marks]
    spans = spans or [machine.work for machine in machines]
    start_s, stop_s = min(span[0] for span in spans), max(span[1] for span in spans)
    return sum(machine.energy(start_s, stop_s) for machine in machines)
