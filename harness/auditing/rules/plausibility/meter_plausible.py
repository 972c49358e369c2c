"""A channel claims no more than its meter can."""

from __future__ import annotations

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.traces.channel import Channel
from harness.traces.instruments import instruments

OUTSIDE = frozenset({"wall", "pdu", "rack", "psu", "node", "phase"})
"""Boundaries that a meter on a cable can have."""
INSIDE = {"intel-rapl": "package", "nvidia-nvml": "board", "psu-pmbus": "psu"}
"""Instruments that sit in the machine, and the boundary that each measures at the widest."""
KINDS = {"analyzer": ("mean", "counter")}
"""What a reading of an instrument of a class is; other classes have several."""


def check(case: RuleContext) -> Iterator[Violation]:
    told: set[tuple[str, str]] = set()
    for run in case.entry.runs:
        for trace in run.traces:
            for got, expected, fails in _claims(trace.channel):
                if (trace.channel.id, got) not in told:  # once for all runs
                    told.add((trace.channel.id, got))
                    fix = "State what the meter's data sheet says, or name the meter."
                    yield Violation(
                        place(run, trace), got, expected, fix, status=None if fails else "warn"
                    )


def _claims(channel: Channel) -> Iterator[tuple[str, str, bool]]:
    """What is claimed and cannot be: (got, expected, whether it is impossible)."""
    known = instruments().get(channel.meter)
    if known is None:
        return
    if known.measurement_class == "modelled" and channel.kind != "estimate":
        yield (
            f"{channel.kind} readings of {channel.meter}",
            "estimate: a model measures nothing",
            True,
        )
    if (
        channel.kind not in KINDS.get(known.measurement_class, (channel.kind, ""))
        and channel.kind != "estimate"
    ):
        yield (
            f"{channel.kind} readings of {channel.meter}",
            "mean: the analyzer averages over each cell",
            False,
        )
    widest = INSIDE.get(channel.meter)
    if widest is not None and channel.boundary in OUTSIDE - {widest}:
        yield f"{channel.meter} at the {channel.boundary}", f"{widest}, or inside it", True
    if widest is None and known.measurement_class == "analyzer" and channel.boundary not in OUTSIDE:
        yield (
            f"{channel.meter} at the {channel.boundary}",
            "a boundary outside the machine: wall, pdu, psu",
            False,
        )
    least = known.reading_limit_pct
    if channel.accuracy.reading_limit_pct < least * (1 - 1e-9):
        yield (
            f"{channel.accuracy.reading_limit_pct:g} % of the reading",
            f"{least:g} %, by {known.source}",
            False,
        )


RULE = Rule(
    id="meter-plausible",
    title="A channel claims no more than its meter can",
    why="Limits that were lowered make an interval that is too narrow; a model that is called a measurement is ranked "
    "with measurements.",
    evidence="Kind, boundary and accuracy of each channel against the table of instruments. A model that measures, or "
    "a sensor of a chip at the wall, is a breach; better limits than those of the data sheet may have a certificate, "
    "and are a warning. Meters that the table does not hold are not judged.",
    remedy="State what the data sheet says, or submit the certificate.",
    check=check,
)
