"""`:::MLLOG` lines, as MLPerf Training's logs and power logs hold them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .power import MS


@dataclass(frozen=True)
class TrainingRun:
    """One training run: its window and its work."""

    name: str
    """Name of its log without `.txt`, and of its power folder."""
    t0_ns: int
    t1_ns: int
    """`run_start` and `run_stop`."""
    seed: int
    steps: int
    batch: int
    """Samples in a step, all nodes together."""

    @property
    def samples(self) -> int:
        return self.steps * self.batch


def line(t_ns: int, kind: str, key: str, value: object, metadata: object) -> str:
    """One event; `kind` is POINT_IN_TIME, INTERVAL_START or INTERVAL_END."""
    event = {
        "namespace": "",
        "time_ms": t_ns // MS,
        "event_type": kind,
        "key": key,
        "value": value,
        "metadata": metadata,
    }
    return f":::MLLOG {json.dumps(event)}"


def result_text(
    run: TrainingRun, *, submitter: str, benchmark: str, nodes: int, rank_prefix: bool
) -> str:
    """result_K.txt of a run that reaches its target at its end: other output around the events."""
    prefix = "0: " if rank_prefix else ""
    init_ns = run.t0_ns - 20_000 * MS
    events = [
        _point(init_ns - 4000 * MS, "cache_clear", True),
        line(init_ns, "INTERVAL_START", "init_start", None, _where(1)),
        *(
            _point(init_ns, key, value)
            for key, value in _submission(run, submitter, benchmark, nodes)
        ),
        line(run.t0_ns, "INTERVAL_END", "init_stop", None, _where(2)),
        line(run.t0_ns, "INTERVAL_START", "run_start", None, _where(2)),
        *_training(run),
        line(
            run.t1_ns,
            "INTERVAL_END",
            "run_stop",
            None,
            {**_where(3), "status": "success", "samples_count": run.samples},
        ),
    ]
    lines = [
        "+ echo 'SIMULATED by the lab simulator'",
        *(prefix + event for event in events),
        f"{prefix}RESULT,SIMULATED",
    ]
    return "\n".join(lines) + "\n"


def _submission(
    run: TrainingRun, submitter: str, benchmark: str, nodes: int
) -> Sequence[tuple[str, object]]:
    return (
        ("submission_benchmark", benchmark),
        ("submission_org", submitter),
        ("submission_division", "closed"),
        ("submission_status", "onprem"),
        ("submission_platform", f"{nodes}xSIMULATED"),
        ("seed", run.seed),
        ("global_batch_size", run.batch),
        ("train_samples", run.samples),
        ("eval_samples", 1000),
        ("gradient_accumulation_steps", 1),
    )


def _training(run: TrainingRun, blocks: int = 3) -> list[str]:
    """Blocks of training, each ended by an evaluation that is nearer to the target."""
    events = []
    span_ns = run.t1_ns - run.t0_ns
    done = 0
    for block in range(1, blocks + 1):
        start_ns = run.t0_ns + span_ns * (block - 1) // blocks
        end_ns = run.t0_ns + span_ns * block // blocks
        events.append(
            line(
                start_ns,
                "INTERVAL_START",
                "block_start",
                None,
                {**_where(4), "samples_count": done},
            )
        )
        done = run.samples * block // blocks
        count = {**_where(4), "samples_count": done, "epoch_num": done}
        events.append(line(end_ns - 3 * MS, "INTERVAL_END", "block_stop", None, count))
        events.append(line(end_ns - 2 * MS, "INTERVAL_START", "eval_start", None, count))
        events.append(
            line(
                end_ns - MS, "POINT_IN_TIME", "eval_accuracy", round(0.70 + 0.02 * block, 4), count
            )
        )
        events.append(line(end_ns - MS, "INTERVAL_END", "eval_stop", None, count))
    return events


def _point(t_ns: int, key: str, value: object) -> str:
    return line(t_ns, "POINT_IN_TIME", key, value, _where(1))


def _where(number: int) -> dict[str, object]:
    return {"file": "simulated.py", "lineno": number}
