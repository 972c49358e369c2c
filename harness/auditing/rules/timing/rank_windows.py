"""The window of a run on several machines is that of all its ranks."""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.core.errors import JoulemarkError
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.live.distributed.rank_windows import (
    common_window,
    rank_number,
    read_span,
    seconds_outside,
)

FIX = "Submit the record as joulemark wrote it."
EQUAL_S = 1e-6
"""Two spans of one record that differ by less are the same, rounded [s]."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report windows that are not those of the ranks, and ranks that worked outside."""
    for run in context.entry.runs:
        recording = run.evidence.recording
        ranks = [item for item in (recording.ranks if recording else None) or () if item]
        window = common_window(ranks) if all(isinstance(item, Mapping) for item in ranks) else None
        if window is None or run.window is None:
            continue
        yield from _other_window(run, window.start_ns, window.stop_ns)
        yield from _changed_ranks(context, run, ranks)
        limits = context.limits
        allowed_s = max(limits["outside_max_s"], limits["outside_share_max"] * window.seconds)
        for number, seconds in sorted(seconds_outside(ranks, run.window).items()):
            if seconds > allowed_s:
                yield Violation(
                    location(run),
                    f"rank {number} worked {seconds:.3g} outside the window",
                    f"at most {allowed_s:.3g}",
                    "Print run_start and run_stop on every rank that works, so that the window"
                    " covers its work, or let all ranks end together.",
                    "s",
                )


def _other_window(run: Run, start_ns: int, stop_ns: int) -> Iterator[Violation]:
    if run.window is None:
        return
    for name, stated_ns, expected_ns in (
        ("start", run.window.start_ns, start_ns),
        ("stop", run.window.stop_ns, stop_ns),
    ):
        if abs(stated_ns - expected_ns) > EQUAL_S * NS:
            yield Violation(
                location(run),
                f"{name} of the window {(stated_ns - expected_ns) / NS:+.6f} s off",
                "the first start and the last stop of its ranks",
                FIX,
            )


def _changed_ranks(
    context: RuleContext, run: Run, ranks: list[Mapping[str, Any]]
) -> Iterator[Violation]:
    """Report ranks whose own record states another window."""
    # Imported late: `rules` lists the rules without what records runs.
    from harness.live.merge_ranks import recorded_ranks

    try:
        recorded = recorded_ranks(context.entry.directory, run)
    except JoulemarkError:
        return  # reported by traces-from-journals
    for stated in ranks:
        number = rank_number(stated)
        original = recorded.get(number)
        for name in ("window", "life"):
            span = read_span(stated.get(name))
            expected = read_span(original.get(name)) if original else span
            if span != expected:
                yield Violation(
                    location(run),
                    f"another {name} of rank {number}",
                    f"that of ranks/{number}",
                    FIX,
                )


RULE = Rule(
    id="rank-windows",
    title="The window of a run covers the work of all its ranks",
    why="If one rank works longer than the rank that states the window, the energy of its machine "
    "after that is missing: half the work at half the energy.",
    evidence="The window of each rank, by its marks (run_start, run_stop) or the life of its "
    "program, on the clock of rank 0. Where some ranks mark the window, a rank without marks must "
    "begin and end with the programs that do.",
    remedy="Let every rank that works print run_start and run_stop.",
    limits=("outside_max_s", "outside_share_max"),
    applies_to=RECORDED_RUNS,
    check=check,
)
