"""Simulated LLM servers of known joules per token and per correct answer.

A server answers questions at a fixed concurrency. Its power is a base, an energy for each token,
and a burst for each prompt; replies have their own lengths and jitter, some fail halfway, and the
last ones drain. A meter with a gain error and a clock of its own reads it. What client and meter
wrote goes through the readers and the score as any result does.

    python -m benchmarks.laboratory.endpoints [--sessions 400]
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.formats.base import Entry, Run, Work
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.ranking.comparison import compare
from harness.runners.endpoint.events import read_events
from harness.runners.endpoint.metrics import point_metrics
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Window

NS = 1_000_000_000
T0_NS = 1_790_000_000 * NS
STEP_S = 0.01
IDLE_W, TOKEN_J, PROMPT_J = 80.0, 0.9, 3.0
GAIN_LIMIT = 0.01
CLOCK_LIMIT_S = 0.03
TOKENS_PER_S = 18.0
MARGIN_S = 5.0
DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of load.

    Attributes:
        name: What it shows.
        concurrency: Requests in flight.
        requests: Requests of a run.
        interval_s: Time between readings of the meter [s].
        failures: Share of requests that fail halfway.
        runs: Runs of a result.
        scatter: Scatter of the energy per token between runs.
        long_reply: How many times longer the last reply is: the drain.
    """

    name: str
    concurrency: int = 4
    requests: int = 80
    interval_s: float = 1.0
    failures: float = 0.0
    runs: int = 1
    scatter: float = 0.0
    long_reply: float = 1.0


CELLS = (
    Cell(name="concurrency 4, 1 Hz"),
    Cell(name="concurrency 16, 10 Hz", concurrency=16, requests=240, interval_s=0.1),
    Cell(name="one request in flight", concurrency=1, requests=20),
    Cell(name="5 % of the requests fail", failures=0.05),
    Cell(name="a drain of a third of the window", requests=40, long_reply=8.0),
    Cell(name="five runs that scatter by 1 %", runs=5, scatter=0.01),
    Cell(name="five runs that scatter by 3 %", runs=5, scatter=0.03),
)


@dataclass(frozen=True, slots=True)
class Load:
    """What happened in one run.

    Attributes:
        log: The event log that the client wrote.
        power_w: True power on the grid, from MARGIN_S before the first issue.
        start_s: First issue, on the grid.
        stop_s: Last end, on the grid.
        tokens: Output tokens of complete replies.
    """

    log: bytes
    power_w: np.ndarray[Any, Any]
    start_s: float
    stop_s: float
    tokens: int

    @property
    def energy_j(self) -> float:
        """True energy between first issue and last end [J]."""
        times = np.arange(len(self.power_w) + 1) * STEP_S
        total = np.concatenate([[0.0], np.cumsum(self.power_w) * STEP_S])
        return float(np.interp(self.stop_s, times, total) - np.interp(self.start_s, times, total))


def simulate(cell: Cell, random: np.random.Generator, token_j: float, start_ns: int) -> Load:
    """Serve the requests of one run."""
    lanes = [(MARGIN_S, lane) for lane in range(cell.concurrency)]
    heapq.heapify(lanes)
    replies = []
    for number in range(cell.requests):
        issue_s, lane = heapq.heappop(lanes)
        tokens = int(random.integers(20, 60))
        if number == cell.requests - 1:
            tokens = int(tokens * cell.long_reply)
        first_s = issue_s + random.uniform(0.1, 0.3)
        steps_s = random.gamma(20.0, 1 / TOKENS_PER_S / 20.0, tokens)
        failed = bool(random.random() < cell.failures)
        emitted = tokens // 2 if failed else tokens
        times_s = first_s + np.cumsum(steps_s[:emitted])
        end_s = float(times_s[-1]) + 0.002
        replies.append((number, issue_s, first_s, end_s, times_s, failed))
        heapq.heappush(lanes, (end_s, lane))
    stop_s = max(reply[3] for reply in replies)
    grid = np.full(int((stop_s + MARGIN_S) / STEP_S) + 1, IDLE_W)
    for _, issue_s, first_s, _, times_s, _ in replies:
        burst = slice(int(issue_s / STEP_S), max(int(first_s / STEP_S), int(issue_s / STEP_S) + 1))
        grid[burst] += PROMPT_J / STEP_S / (burst.stop - burst.start)
        np.add.at(grid, (times_s / STEP_S).astype(int), token_j / STEP_S)
    lines = list(_events(replies, start_ns))
    tokens_of_complete = sum(len(reply[4]) for reply in replies if not reply[5])
    return Load("\n".join(lines).encode(), grid, MARGIN_S, stop_s, tokens_of_complete)


def _events(replies: list[Any], start_ns: int) -> Iterator[str]:
    def event(kind: str, at_s: float, sample: str = "", data: Any = None) -> str:
        at_ns = round(at_s * NS)
        fields = {"event_type": kind, "timestamp_ns": at_ns + NS, "wall_ns": start_ns + at_ns}
        return json.dumps(fields | {"sample_uuid": sample, "data": data})

    yield event("session.start_performance_tracking", MARGIN_S - 0.001)
    for number, issue_s, first_s, end_s, times_s, failed in replies:
        yield event("sample.issued", issue_s, str(number), {"question": number})
        yield event("sample.recv_first", first_s, str(number))
        if failed:
            yield event("error.generic", end_s, str(number), {"error": "lost", "final": True})
        usage = {} if failed else {"completion_tokens": len(times_s)}
        yield event("sample.complete", end_s, str(number), usage)
    yield event("session.stop_performance_tracking", max(r[3] for r in replies))


def _run(cell: Cell, load: Load, number: int, meter: tuple[float, float], start_ns: int) -> Run:
    """Read a run as the harness does: the client's log, and the readings of the meter."""
    gain, offset_s = meter
    width = round(cell.interval_s / STEP_S)
    cells = load.power_w[: len(load.power_w) // width * width].reshape(-1, width).mean(axis=1)
    stamps_s = (np.arange(len(cells)) + 1) * cell.interval_s + offset_s
    channel = Channel(
        id="server",
        kind="mean",
        boundary="wall",
        meter="unknown",
        calibration_id="meter",
        accuracy=Accuracy(reading_limit_pct=100 * GAIN_LIMIT, source="simulation"),
        nominal_interval_s=cell.interval_s,
        clock="meter",
        clock_error_s=CLOCK_LIMIT_S / np.sqrt(3.0),
        resolution=1e-6,
    )
    t_ns = start_ns + np.rint(stamps_s * NS).astype(np.int64)
    metrics = point_metrics(read_events(load.log))
    return Run(
        id=f"run_{number}",
        window=metrics.window,
        traces=(build_trace(channel, t_ns, cells * (1 + gain)),),
        work=Work(float(metrics.output_tokens or 0), "token"),
        success=True,
    )


def _entry(name: str, runs: list[Run]) -> Entry:
    return Entry(
        id=name,
        directory=Path(name),
        format="joulemark",
        family="joulemark",
        round="",
        task="inference",
        submitter="lab",
        system=name,
        benchmark="model-questions",
        scenario="concurrency-4",
        runs=tuple(runs),
    )


def session(cell: Cell, random: np.random.Generator, name: str = "a") -> tuple[Entry, float]:
    """Return a measured result, and its true joules per token.

    Of one run the truth is what the run took; of several, the mean that they scatter about.
    """
    meter = random.uniform(-GAIN_LIMIT, GAIN_LIMIT), random.uniform(-CLOCK_LIMIT_S, CLOCK_LIMIT_S)
    runs, truths = [], []
    for number in range(cell.runs):
        token_j = TOKEN_J * (1 + cell.scatter * random.standard_normal())
        start_ns = T0_NS + number * 1000 * NS
        load = simulate(cell, random, token_j, start_ns)
        runs.append(_run(cell, load, number, meter, start_ns))
        truths.append(load.energy_j / load.tokens)
    return _entry(name, runs), float(np.exp(np.mean(np.log(truths))))


def long_run_truth(cell: Cell, random: np.random.Generator, loads: int = 400) -> float:
    """Return the mean joules per token that runs of a cell scatter about."""
    quiet = replace(cell, scatter=0.0)
    items = [simulate(quiet, random, TOKEN_J, T0_NS) for _ in range(loads)]
    return float(np.exp(np.mean([np.log(item.energy_j / item.tokens) for item in items])))


def coverage_per_token(cell: Cell, sessions: int, seed: int = 1) -> tuple[float, float]:
    """Return how often the interval holds the true joules per token, and its mean half-width."""
    random = np.random.default_rng([seed, len(cell.name)])
    truth = long_run_truth(cell, random) if cell.runs > 1 else None
    inside, widths = 0, []
    for number in range(sessions):
        entry, realised = session(cell, random)
        estimate = score(entry, draws=DRAWS, seed=number).energy_per_unit
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.value is not None
        true_j = realised if truth is None else truth
        inside += estimate.low <= true_j <= estimate.high
        widths.append((estimate.high - estimate.low) / 2 / estimate.value)
    return inside / sessions, float(np.mean(widths))


# Correct answers


@dataclass(frozen=True, slots=True)
class Answers:
    """Right answers of two systems to the same questions, some of which are harder."""

    first: np.ndarray[Any, Any]
    second: np.ndarray[Any, Any]


def answers(accuracy: float, questions: int, random: np.random.Generator) -> Answers:
    """Draw questions, and what two equal systems answer: each knows a share of them."""
    spread = 4.0
    easy = random.beta(accuracy * spread, (1 - accuracy) * spread, questions)
    first, second = (random.random(questions) < easy for _ in range(2))
    return Answers(first, second)


def graded(entry: Entry, right: np.ndarray[Any, Any]) -> Entry:
    """Return an entry whose runs answered each question once, always alike."""
    grading = {
        "correct": int(right.sum()),
        "asked": len(right),
        "questions": len(right),
        "chance": 0.0,
        "marks": {str(index): float(mark) for index, mark in enumerate(right)},
    }
    evidence = Evidence(
        endpoint=EndpointEvidence(grading=grading, record={"questions_sha256": "a set"})
    )
    return replace(entry, runs=tuple(replace(run, evidence=evidence) for run in entry.runs))


def simple_entry(name: str, random: np.random.Generator, runs: int = 1, hour: int = 0) -> Entry:
    """Return runs of constant power: what varies here is answers, gain, and energy of a run."""
    gain = random.uniform(-GAIN_LIMIT, GAIN_LIMIT)
    channel = Channel(
        id="server",
        kind="mean",
        boundary="wall",
        meter="unknown",
        calibration_id=f"meter of {name}",
        accuracy=Accuracy(reading_limit_pct=100 * GAIN_LIMIT, source="simulation"),
        nominal_interval_s=1.0,
        resolution=1e-6,
        clock="meter",
        clock_error_s=0.0,
    )
    items = []
    for number in range(runs):
        start_ns = T0_NS + (hour * 3600 + number * 100) * NS
        level = 100.0 * (1 + (0.01 * random.standard_normal() if runs > 1 else 0.0)) * (1 + gain)
        t_ns = start_ns + np.arange(-3, 64, dtype=np.int64) * NS
        trace = build_trace(channel, t_ns, np.full(len(t_ns), level))
        window = Window(start_ns, start_ns + 60 * NS)
        items.append(
            Run(
                id=f"run_{number}",
                window=window,
                traces=(trace,),
                work=Work(6000.0, "token"),
                success=True,
            )
        )
    return _entry(name, items)


ENERGY_J = 6000.0
"""True energy of a run of `simple_entry`."""
ACCURACIES = (0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95)
QUESTIONS = (50, 100, 300, 1000)


def coverage_per_correct(
    accuracy: float, questions: int, sessions: int, seed: int = 1
) -> tuple[float, float]:
    """Return how often the interval of J per correct answer holds the truth, and its half-width.

    Accuracies are drawn within 0.02 of the stated one (0.005 at the ends of the range), so that a
    cell does not hang on how one count falls. Without a right answer there is no upper bound, and
    the truth counts as held.
    """
    random = np.random.default_rng([seed, questions, round(1000 * accuracy)])
    margin = min(0.02, accuracy / 10, (1 - accuracy) / 10)
    inside, widths = 0, []
    for number in range(sessions):
        share = accuracy + random.uniform(-margin, margin)
        right = answers(share, questions, random).first
        entry = graded(simple_entry("a", random), right)
        estimate = score(entry, draws=DRAWS, seed=number).per_correct
        assert estimate is not None
        if estimate.low is None or estimate.high is None or estimate.value is None:
            inside += 1
            continue
        truth = ENERGY_J / questions / share
        inside += estimate.low <= truth <= estimate.high
        widths.append((estimate.high - estimate.low) / 2 / estimate.value)
    return inside / sessions, float(np.mean(widths))


def told_apart(
    accuracy: float, questions: int, pairs: int, runs: int = 5, seed: int = 1
) -> tuple[float, float]:
    """Return how often two equal systems are told apart: per token, and per correct answer."""
    random = np.random.default_rng([seed, questions, round(1000 * accuracy), runs])
    per_token = per_correct = 0
    for number in range(pairs):
        both = answers(accuracy, questions, random)
        results: list[Result] = []
        for hour, (name, right) in enumerate((("a", both.first), ("b", both.second))):
            entry = graded(simple_entry(name, random, runs, hour), right)
            results.append(score(entry, draws=DRAWS, seed=number))
        comparison = compare(*results, draws=DRAWS, seed=number)
        per_token += comparison.verdict in ("better", "worse")
        assert comparison.questions is not None
        per_correct += comparison.questions.verdict in ("better", "worse")
    return per_token / pairs, per_correct / pairs


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.laboratory.endpoints")
    parser.add_argument("--sessions", type=int, default=400)
    sessions = parser.parse_args().sessions
    print("| joules per token | coverage | half-width |\n|---|---|---|")
    for cell in CELLS:
        share, width = coverage_per_token(cell, sessions)
        print(f"| {cell.name} | {share:.1%} | {width:.2%} |", flush=True)
    heads = " | ".join(f"{count} questions" for count in QUESTIONS)
    print(f"\n| joules per correct answer: accuracy | {heads} |")
    print("|---|" + "---|" * len(QUESTIONS))
    for accuracy in ACCURACIES:
        items = [coverage_per_correct(accuracy, count, sessions) for count in QUESTIONS]
        text = " | ".join(f"{share:.1%} (half-width {width:.0%})" for share, width in items)
        print(f"| {accuracy:g} | {text} |", flush=True)
    print("\n| equal systems: accuracy, questions | told apart per token | per correct |")
    print("|---|---|---|")
    for accuracy, count in ((0.1, 50), (0.3, 100), (0.5, 40), (0.5, 300), (0.9, 100)):
        token, correct = told_apart(accuracy, count, 4 * sessions)
        print(f"| {accuracy:g}, {count} | {token:.1%} | {correct:.1%} |", flush=True)


if __name__ == "__main__":
    main()
