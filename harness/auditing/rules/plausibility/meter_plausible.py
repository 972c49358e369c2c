"""A channel claims no more than its meter can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.traces.channel import Channel
from harness.traces.instruments import Instrument, instruments

EXTERNAL_BOUNDARIES = frozenset({"wall", "pdu", "rack", "psu", "node", "phase"})
"""Boundaries that a meter on a cable can have."""
WIDEST_BOUNDARIES = {"intel-rapl": "package", "nvidia-nvml": "board", "psu-pmbus": "psu"}
"""Instruments that sit in the machine, and the widest boundary that each measures."""
KINDS = {"analyzer": ("mean", "counter")}
"""What a reading of an instrument of a class is; other classes have several."""
ROUNDING = 1e-9
"""Relative difference of two limits that is none."""


class FalseClaim(NamedTuple):
    """What a channel claims beyond its meter; doubtful if it is not `impossible`."""

    got: str
    expected: str
    impossible: bool


def check(context: RuleContext) -> Iterator[Violation]:
    """Report each claim of each channel once for all runs."""
    reported: set[tuple[str, str]] = set()
    for run in context.entry.runs:
        for trace in run.traces:
            channel = trace.channel
            for false_claim in _false_claims(channel):
                if (channel.id, false_claim.got) in reported:
                    continue
                reported.add((channel.id, false_claim.got))
                yield Violation(
                    location(run, trace),
                    false_claim.got,
                    false_claim.expected,
                    "State what the meter's data sheet says, or name the meter.",
                    status=None if false_claim.impossible else "warn",
                )


def _false_claims(channel: Channel) -> Iterator[FalseClaim]:
    instrument = instruments().get(channel.meter)
    if instrument is not None:
        yield from _kind_claims(channel, instrument)
        yield from _boundary_claims(channel, instrument)
        yield from _accuracy_claims(channel, instrument)


def _kind_claims(channel: Channel, instrument: Instrument) -> Iterator[FalseClaim]:
    if channel.kind == "estimate":
        return
    got = f"{channel.kind} readings of {channel.meter}"
    if instrument.measurement_class == "modelled":
        yield FalseClaim(got, "estimate: a model measures nothing", True)
    kinds = KINDS.get(instrument.measurement_class)
    if kinds is not None and channel.kind not in kinds:
        yield FalseClaim(got, "mean: the analyzer averages over each cell", False)


def _boundary_claims(channel: Channel, instrument: Instrument) -> Iterator[FalseClaim]:
    got = f"{channel.meter} at the {channel.boundary}"
    is_external = channel.boundary in EXTERNAL_BOUNDARIES
    widest = WIDEST_BOUNDARIES.get(channel.meter)
    if widest is not None and is_external and channel.boundary != widest:
        yield FalseClaim(got, f"{widest}, or inside it", True)
    if widest is None and instrument.measurement_class == "analyzer" and not is_external:
        yield FalseClaim(got, "a boundary outside the machine: wall, pdu, psu", False)


def _accuracy_claims(channel: Channel, instrument: Instrument) -> Iterator[FalseClaim]:
    stated_pct = channel.accuracy.reading_limit_pct
    limit_pct = instrument.reading_limit_pct
    if stated_pct < limit_pct * (1 - ROUNDING):
        got = f"{stated_pct:g} % of the reading"
        yield FalseClaim(got, f"{limit_pct:g} %, by {instrument.source}", False)


RULE = Rule(
    id="meter-plausible",
    title="A channel claims no more than its meter can do",
    why="Lowered limits of error make the interval too narrow; a model that is called a "
    "measurement is ranked with measurements.",
    evidence="Kind, boundary and accuracy of each channel against the table of instruments. A "
    "model that measures, or a sensor of a chip at the wall, is a violation. Better limits than "
    "those of the data sheet may have a certificate, and are a warning. Meters that the table "
    "does not hold are not judged.",
    remedy="State what the data sheet says, or submit the certificate.",
    applies_to=RECORDED_RUNS,
    check=check,
)
