"""The points of a load on an LLM endpoint, as a table and as the ``endpoint --json`` document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from harness.core.numbers import stated_number
from harness.core.schemas import SCHEMA_VERSION
from harness.energy.cumulative import energy_between
from harness.render.escape import grid
from harness.render.numbers import estimate_text, number, percent
from harness.scoring.endpoint.all_nodes import AllNodes, all_nodes
from harness.scoring.endpoint.answer_costs import Prices, answer_costs
from harness.scoring.endpoint.phase_split import LABEL, PhaseSplit, split_phases
from harness.scoring.endpoint.records import (
    TOKEN_UNIT,
    first_record,
    latency_ms,
    stated_load,
    tokens_per_second,
    total_count,
)
from harness.scoring.endpoint.steady_part import Steady, steady_part
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate

CLIENT_W = 3.5
"""Power of a busy logical processor, for the client's own energy [W], as the estimator assumes."""
MAX_SILENT_WAIT = 0.05
"""Share of a window without a request in flight above which the table says so."""
HEAD = (
    "Point",
    "Energy per token",
    "Steady part",
    "Per request",
    "Per correct",
    "Right",
    "Less chance",
    "Tokens/s",
    "TTFT p90",
    "TPOT p90",
)


def endpoint_text(results: Sequence[Result], prices: Prices | None = None) -> str:
    """Return the table of points for a terminal.

    Args:
        results: The points.
        prices: Prices of tokens and electricity; with them a table of dollars follows.
    """
    points = _in_order(results)
    if not points:
        return "no load on an endpoint here\n"
    rows = [_row(result) for result in points]
    lines = [
        f"{points[0].entry.benchmark}: {points[0].measurement_class}, {_boundaries(points)}",
        grid(HEAD, rows, "terminal"),
    ]
    lines += list(_remarks(points))
    if prices is not None:
        lines += ["", "Dollars per correct answer", _cost_table(points, prices)]
    return "\n".join(lines) + "\n"


def _remarks(points: Sequence[Result]) -> Iterator[str]:
    """Yield what stands beside the table.

    The estimate over all nodes, what sets the interval per correct answer, the client's own energy,
    and the phases.
    """
    for result in points:
        waiting = _waiting_share(result)
        if waiting is not None and waiting > MAX_SILENT_WAIT:
            yield (
                f"{result.entry.scenario}: no request was in flight in {percent(waiting)} of the "
                "window, whose energy counts"
            )
        whole = all_nodes(result)
        if whole is not None:
            yield f"{result.entry.scenario}, {all_nodes_text(whole)}"
    for result in points:
        if result.per_correct is not None and result.per_correct.note:
            yield f"{result.entry.scenario}, per correct answer: {result.per_correct.note}"
    client = [_client(result) for result in points]
    cpu_s = math.fsum(item["cpu_s"] for item in client)
    requests = sum(total_count(result, "requests", "issued") for result in points)
    if cpu_s and requests:
        yield (
            f"client, apart: {number(cpu_s, 's', 3)} of processor time, "
            f"{number(1000 * cpu_s / requests, 'ms', 3)} a request, "
            f"{number(cpu_s * CLIENT_W, 'J', 2)} modelled at {CLIENT_W:g} W a busy processor"
        )
    split = split_phases(points)
    if isinstance(split, PhaseSplit):
        yield _phases(split)


def all_nodes_text(whole: AllNodes) -> str:
    """Return the estimate over all nodes, said to be one, or why there is none."""
    serving = "" if whole.serving == whole.nodes else f", {whole.serving} serving"
    head = f"all {whole.nodes} nodes{serving}"
    if not whole.method:
        return f"{head}: no estimate, {whole.measured} measured: {whole.energy.note}"
    figure = whole.energy_per_unit if whole.energy_per_unit.value is not None else whole.energy
    others = whole.nodes - whole.measured
    return (
        f"{head}, estimated: {estimate_text(figure)}; {whole.measured} measured, {others} "
        f"{whole.method}, {percent(whole.estimated_share)} of the energy"
    )


def _client(result: Result) -> dict[str, float]:
    """Return the processor time of the client over all runs, and its energy by a model."""
    cpu_s = 0.0
    for run in result.entry.runs:
        client = run.evidence.endpoint.record.get("client") if run.evidence.endpoint else None
        value = client.get("cpu_s") if isinstance(client, Mapping) else None
        stated = None if isinstance(value, str) else stated_number(value)
        cpu_s += stated if stated is not None and stated > 0 else 0.0
    return {"cpu_s": cpu_s, "modelled_energy_j": cpu_s * CLIENT_W}


def _waiting_share(result: Result) -> float | None:
    """Return the share of the first run's window without a request; ``None`` if not stated."""
    value = first_record(result).get("waiting_share")
    share = None if isinstance(value, str) else stated_number(value)
    return share if share is not None and 0 <= share <= 1 else None


def _less_chance(result: Result) -> float | None:
    """Return the share of right answers less what guessing gives; ``None`` without grades."""
    chance = stated_number((first_record(result).get("grading") or {}).get("chance"))
    asked = total_count(result, "grading", "asked")
    if not asked or chance is None:
        return None
    return total_count(result, "grading", "correct") / asked - chance


def _phases(split: PhaseSplit) -> str:
    """Return the split into prefill and decode, said to be an inference."""
    parts = [
        f"{name} {estimate_text(item) if item.value is not None else item.note}"
        for name, item in (("prefill", split.prefill), ("decode", split.decode))
    ]
    return f"{LABEL}, over {split.runs} runs: {'; '.join(parts)}"


def _cost_table(points: Sequence[Result], prices: Prices) -> str:
    """Return what a correct answer costs, by declared price and by measured energy."""
    tariff = prices.tariff_per_kwh
    head = ("Point", "Declared price", "Energy" if tariff is None else f"Energy, {tariff:g} $/kWh")
    rows = []
    for result in points:
        costs = answer_costs(result, prices)
        energy = "-" if costs.energy is None else _dollars(costs.energy)
        rows.append((result.entry.scenario, number(costs.declared, "$", 3), energy))
    return grid(head, rows, "terminal")


def _dollars(cost: Estimate) -> str:
    if cost.low is None or cost.high is None:
        return f"{number(cost.value, '$', 3)} [no interval]"
    return f"{number(cost.value, '$', 3)} [{cost.low:.3g}, {cost.high:.3g}]"


def endpoint_document(results: Sequence[Result], prices: Prices | None = None) -> dict[str, Any]:
    """Return the document of ``endpoint --json``."""
    points = _in_order(results)
    first = first_record(points[0]) if points else {}
    return {
        "schema_version": SCHEMA_VERSION,
        "model": str(first.get("model", "")),
        "url": str(first.get("host", "")),
        "questions": str(first.get("question_set", "")),
        "measurement_class": points[0].measurement_class if points else "declared",
        "boundary": _boundaries(points),
        "phases": _phases_document(points),
        "points": [_point(result) | _costs(result, prices) for result in points],
    }


def _phases_document(points: Sequence[Result]) -> dict[str, Any] | None:
    split = split_phases(points) if points else ""
    return asdict(split) if isinstance(split, PhaseSplit) else None


def _costs(result: Result, prices: Prices | None) -> dict[str, Any]:
    if prices is None:
        return {"dollars_per_correct": None}
    return {"dollars_per_correct": asdict(answer_costs(result, prices))}


def _in_order(results: Sequence[Result]) -> list[Result]:
    """Points by kind of load, then by its value."""
    points = [result for result in results if first_record(result)]
    return sorted(
        points, key=lambda result: (stated_load(result).get("kind", ""), _load_value(result))
    )


def _load_value(result: Result) -> float:
    value = stated_load(result).get("value")
    return float(value) if isinstance(value, int | float) else math.inf


def _row(result: Result) -> list[str]:
    correct = total_count(result, "grading", "correct")
    request_count = total_count(result, "grading", "asked")
    return [
        result.entry.scenario,
        estimate_text(_per_token(result)),
        _steady_text(steady_part(result)),
        estimate_text(_per(result, total_count(result, "requests", "completed"), "J/request")),
        estimate_text(result.per_correct) if result.per_correct else "-",
        f"{correct}/{request_count}" if request_count else "-",
        percent(_less_chance(result)),
        number(tokens_per_second(result), digits=4),
        _latency(result, "ttft_ms"),
        _latency(result, "tpot_ms"),
    ]


def _per_token(result: Result) -> Estimate:
    """Return the energy per output token, or that nothing counted them."""
    energy = result.energy_per_unit
    if energy.unit == TOKEN_UNIT:
        return energy
    return Estimate(None, None, None, TOKEN_UNIT, energy.level, "nothing counted the tokens")


def _steady_text(steady: Steady | None) -> str:
    return "-" if steady is None else estimate_text(steady.energy_per_token)


def _latency(result: Result, name: str) -> str:
    return number(latency_ms(result, name, "p90"), "ms", 4)


def _per(result: Result, total: float, unit: str) -> Estimate:
    """Energy over a count of all runs; the energy of a result is that of one run."""
    if not total or not result.n_runs:
        return Estimate(None, None, None, unit, result.energy.level, "nothing was counted")
    factor = result.n_runs / total
    energy = result.energy
    bounds = [None if value is None else value * factor for value in (energy.low, energy.high)]
    value = None if energy.value is None else energy.value * factor
    return replace(energy, value=value, low=bounds[0], high=bounds[1], unit=unit)


def _point(result: Result) -> dict[str, Any]:
    record = first_record(result)
    grading = {name: total_count(result, "grading", name) for name in ("correct", "asked")}
    chance = (record.get("grading") or {}).get("chance")
    tokens = total_count(result, "output_tokens")
    steady, whole = steady_part(result), all_nodes(result)
    per_token = _per_token(result)
    per_joule = result.units_per_joule if per_token.value is not None else None
    kind, value = stated_load(result).get("kind"), stated_load(result).get("value")
    return {
        "id": result.entry.id,
        "load": {"kind": kind, "value": value},
        "concurrency": value if kind == "concurrency" else None,
        "runs": result.n_runs,
        "duration_s": math.fsum(run.run.window.seconds for run in result.runs if run.run.window),
        "requests": {
            name: total_count(result, "requests", name)
            for name in ("issued", "completed", "failed", "retries")
        },
        "output_tokens": tokens or None,
        "token_source": record.get("token_source") or None,
        "energy": asdict(result.energy),
        "joules_per_output_token": asdict(per_token),
        "steady": None if steady is None else asdict(steady),
        "joules_per_request": asdict(
            _per(result, total_count(result, "requests", "completed"), "J/request")
        ),
        "joules_per_1000_requests": asdict(
            _per(result, total_count(result, "requests", "completed") / 1000, "J/1000-requests")
        ),
        "joules_per_correct": asdict(result.per_correct) if result.per_correct else None,
        "client": _client(result),
        "accuracy": grading | {"chance": chance, "less_chance": _less_chance(result)}
        if grading["asked"]
        else None,
        "tokens_per_second": tokens_per_second(result),
        "tokens_per_joule": per_joule,
        "ttft_ms": record.get("ttft_ms"),
        "tpot_ms": record.get("tpot_ms"),
        "tpot_mlperf_ms": record.get("tpot_mlperf_ms"),
        "itl_ms": record.get("itl_ms"),
        "latency_ms": record.get("latency_ms"),
        "waiting_share": _waiting_share(result),
        "all_nodes": None if whole is None else asdict(whole),
        "idle_w": {name: _idle_power(result, name) for name in ("before", "after")},
        "notes": list(result.notes),
    }


def _idle_power(result: Result, name: str) -> float | None:
    """Mean power before or after the first run [W], outside its window; None if not recorded."""
    for run in result.entry.runs:
        idle = run.evidence.recording.idle if run.evidence.recording else None
        span = (idle or {}).get(name)
        if span is None or span.seconds <= 0 or not run.outer:
            continue
        cuts_ns = np.array([span.start_ns, span.stop_ns], np.int64)
        energies = [float(energy_between(trace, cuts_ns)[0]) for trace in run.outer]
        return math.fsum(energies) / span.seconds
    return None


def _boundaries(results: Sequence[Result]) -> str:
    names = {
        trace.channel.boundary
        for result in results
        for run in result.entry.runs
        for trace in run.outer
    }
    return ", ".join(sorted(names)) or "no meter"
