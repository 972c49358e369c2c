"""The energy that browsers compute, against Python's, on traces of every kind with every flaw."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.formats.base import Entry, Rated, Run, Work
from harness.scoring.score import score
from harness.site.evidence import PREFIX, SUFFIX, evidence_script
from harness.traces.trace import Trace, Window

SEEDS = range(100)
RECOMPUTE = """async (texts) => {
  const out = [];
  for (const text of texts) {
    const header = await joulemark.decode(text);
    const { energy, perUnit, runs } = joulemark.energy.recompute(header);
    const channels = runs.flatMap((run) => run?.channels ?? []).filter(Boolean);
    const rules = channels.flatMap((channel) => channel.edges.map((edge) => edge.rule));
    out.push({ energy, perUnit, runs: runs.map((run) => run && run.energy), rules });
  }
  return out;
}"""


def readings(kind: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return times [s], powers [W], and the begin and the end of the load [s]."""
    interval_s = float(random.choice([0.1, 1.0, 2.0]))
    count = int(random.integers(40, 160))
    t_s = np.arange(count) * interval_s
    if random.random() < 0.4:  # jitter
        t_s = t_s + random.uniform(0, 0.3 * interval_s, count)
    start_s = float(t_s[-1] * random.uniform(0.05, 0.3))
    stop_s = float(t_s[-1] * random.uniform(0.6, 0.97))
    idle_w, load_w = random.uniform(20, 100), random.uniform(120, 900)
    ramp_s = float(random.choice([0.0, 0.3, 4.0])) + 1e-9
    share = np.clip((t_s - start_s) / ramp_s, 0, 1) * np.clip((stop_s - t_s) / ramp_s, 0, 1)
    power_w = idle_w + (load_w - idle_w) * share
    power_w = power_w + random.normal(0, float(random.choice([0.5, 5.0, 20.0])), count)
    if random.random() < 0.3:  # load that goes on, or dips before the window
        power_w[t_s > stop_s] = load_w
    if random.random() < 0.3:  # gaps, also over edges
        kept = random.random(count) > 0.25
        kept[:2] = True
        t_s, power_w = t_s[kept], power_w[kept]
    # a plateau has its largest shift wherever rounding puts it: so no two readings are equal
    power_w = np.round(np.abs(power_w), int(random.integers(2, 4)))
    if kind != "counter":
        return t_s, power_w, start_s, stop_s
    joules = np.concatenate([[0.0], np.cumsum(power_w[1:] * np.diff(t_s))]) + 5.0
    if random.random() < 0.5:  # an update every few reads
        step = int(random.integers(2, 5))
        joules = joules[np.arange(len(joules)) // step * step]
    if random.random() < 0.4:  # a reset
        place = len(joules) // 2
        joules[place:] -= joules[place] - 1.0
    return t_s, joules, start_s, stop_s


def random_entry(
    seed: int,
    trace: Callable[..., Trace],
    window: Callable[[float, float], Window],
    entry_of: Callable[..., Entry],
) -> Entry:
    random = np.random.default_rng(seed)
    kind = str(random.choice(["mean", "instant", "counter", "estimate"]))
    runs = []
    for number in range(int(random.integers(1, 4))):
        traces = []
        for node in range(int(random.integers(1, 3))):
            t_s, value, start_s, stop_s = readings(kind, random)
            given: dict[str, Any] = {"id": f"node-{node}", "node": f"n{node}", "boundary": "node"}
            given["clock_error_s"] = random.choice([None, 0.0, 0.05, 2.0])
            given["nominal_interval_s"] = random.choice([None, 1.0])
            given["stamp_lag_s"] = random.choice([None, 0.25])
            given["conversion_efficiency"] = random.choice([None, 0.92])
            if kind == "counter":
                given["counter_modulus_j"] = random.choice([None, 65536.0])
                given["update_interval_s"] = random.choice([None, 0.02, 1.0])
            traces.append(trace(t_s, value, kind, **given))
        rated = Rated(id="switch", power_w=100.0, boundary="rack", idle_share=0.4, source="label")
        runs.append(
            Run(
                id=f"run-{number}",
                window=window(start_s, stop_s),
                traces=tuple(traces),
                rated=(rated,) if random.random() < 0.3 else (),
                work=Work(float(random.integers(1, 1000)), "sample"),
                success=True,
            )
        )
    nodes = {"number_of_nodes": 3} if random.random() < 0.3 else None
    return entry_of(*runs, id=f"entry {seed}", system_description=nodes)


def agree(a: float | None, b: float | None) -> bool:
    """Whether two energies are the same to twelve digits, or both absent."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-12)


def test_both_implementations_agree_to_twelve_digits(
    browser: Any,
    site: Path,
    trace: Callable[..., Trace],
    window: Callable[[float, float], Window],
    entry_of: Callable[..., Entry],
) -> None:
    results = [score(random_entry(seed, trace, window, entry_of), draws=10_000) for seed in SEEDS]
    texts = []
    for result in results:
        script = evidence_script(result, {}, None)
        assert script is not None
        texts.append(script[len(PREFIX) : -len(SUFFIX)].decode())
    page = browser.new_page()
    first = next((site / "results").glob("*.html"))
    page.goto(first.as_uri())
    recomputed = page.evaluate(RECOMPUTE, texts)
    page.close()
    rules = {rule for again in recomputed for rule in again["rules"]}
    assert rules == {"held", "outside", "between", "surplus", "gap", "nearest"}
    with_energy = 0
    for result, again in zip(results, recomputed, strict=True):
        pairs = [
            (again["energy"], result.energy.value),
            (again["perUnit"], result.energy_per_unit.value),
            *zip(again["runs"], [run.energy_j for run in result.runs], strict=True),
        ]
        assert all(agree(*pair) for pair in pairs), (result.entry.id, pairs)
        with_energy += result.energy.value is not None
    assert with_energy > len(SEEDS) // 2
