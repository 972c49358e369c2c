"""Which errors cancel between results: those of one instrument, by evidence of both.

Within an entry, energies of one calibration share their errors. Between entries an error cancels
only if the evidence of both shows one and the same instrument:

1. both name the same calibration of one model that is known, and neither gives it two limits;
2. both are of one submitter; sensors, which are part of a machine, also of one system;
3. their runs do not overlap in time: an instrument cannot be in two places.

Everything else stays in both. Nothing cancels because one side says so, and no clock does: its
error changes from session to session.

The scatter between runs never cancels, but between two results of the same recorded runs.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from harness.formats.base import Entry
from harness.scoring.result import Result
from harness.traces.channel import Channel
from harness.traces.instruments import instruments
from harness.uncertainty.budget import Budget

Span = tuple[int, int]
"""Start and stop [ns]."""
Evidence = tuple[tuple[int, int, str], ...]
"""What a result was measured from: start and stop of each run [ns], and the hashes of its
readings."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an entry says of one calibration.

    Attributes:
        site: Submitter, for a sensor with the system.
        limits: Limits of the meter.
        spans: When its runs were measured.
    """

    site: tuple[str, ...]
    limits: tuple[str, float, float]
    spans: tuple[Span, ...]


def with_separate_errors(results: Sequence[Result]) -> list[Result]:
    """Return results whose budgets share a key only where evidence shows one instrument."""
    results = with_own_ids(results)
    shared = _shared_calibrations([result.entry for result in results])
    separated = []
    for result, kept in zip(results, shared, strict=True):
        per_unit, energy = result.per_unit_budget, result.budget
        separated.append(
            replace(
                result,
                budget=None if energy is None else _separate(energy, kept),
                per_unit_budget=None if per_unit is None else _separate(per_unit, kept),
            )
        )
    return separated


def with_own_ids(results: Sequence[Result]) -> list[Result]:
    """Return results whose budgets have an id of their own, which their draws belong to.

    Entries that were read separately may have one id. Results of the same recorded runs keep it.
    """
    if len({result.entry.id for result in results}) == len(results):
        return list(results)
    sources: dict[str, set[tuple[Evidence, str]]] = defaultdict(set)
    for result in results:
        sources[result.entry.id].add(_source(result))
    renamed = []
    for result in results:
        # sorted, so that the ids do not depend on the order of the results
        number = sorted(sources[result.entry.id]).index(_source(result))
        renamed.append(_with_suffix(result, f" ({number + 1})") if number else result)
    return renamed


def evidence_of(result: Result) -> Evidence:
    """Return what a result was measured from."""
    runs = []
    for run in result.runs:
        window = run.run.window
        hashes = " ".join(sorted(reading.trace.content_sha256 for reading in run.readings))
        if window and hashes:
            runs.append((window.start_ns, window.stop_ns, hashes))
    return tuple(sorted(runs))


def _source(result: Result) -> tuple[Evidence, str]:
    """Return what tells a result from others of its id: its evidence, or its folder without it."""
    evidence = evidence_of(result)
    return evidence, "" if evidence else result.entry.directory.as_posix()


def _with_suffix(result: Result, suffix: str) -> Result:
    """Return a result with a suffix to the ids of its budgets."""
    budgets = (result.budget, result.per_unit_budget)
    energy, per_unit = (budget and replace(budget, id=budget.id + suffix) for budget in budgets)
    return replace(result, budget=energy, per_unit_budget=per_unit)


def instrument_claims(entry: Entry) -> list[dict[str, object]]:
    """Return what an entry says of its instruments, as plain data.

    It is what a browser needs to decide which errors two entries share. Times are texts, as they
    do not fit into the numbers of JSON.
    """
    return [
        {
            "calibration": calibration,
            "site": list(claim.site),
            "limits": list(claim.limits),
            "spans": [[str(start_ns), str(stop_ns)] for start_ns, stop_ns in claim.spans],
        }
        for calibration, claim in _claims(entry)
    ]


def _separate(budget: Budget, kept: set[str]) -> Budget:
    """Make all keys of a budget its own, but those in `kept`."""
    metered = tuple(
        item
        if item.correlation_key in kept
        else replace(item, correlation_key=f"{item.correlation_key}|{budget.id}")
        for item in budget.metered
    )
    components = tuple(
        item
        if item.correlation_key is None
        else item.with_key(f"{item.correlation_key}|{budget.id}")
        for item in budget.components
    )
    return replace(budget, metered=metered, components=components)


def _shared_calibrations(entries: Sequence[Entry]) -> list[set[str]]:
    """Return for each entry the calibrations that it shares with another one."""
    claims: dict[str, list[tuple[int, _Claim]]] = defaultdict(list)
    for position, entry in enumerate(entries):
        for calibration, candidate in _claims(entry):
            claims[calibration].append((position, candidate))
    shared: list[set[str]] = [set() for _ in entries]
    for calibration, together in claims.items():
        if len(together) > 1 and _show_one_instrument([candidate for _, candidate in together]):
            for position, _ in together:
                shared[position].add(calibration)
    return shared


def _claims(entry: Entry) -> Iterable[tuple[str, _Claim]]:
    windows = [run.window for run in entry.runs if run.window is not None]
    spans = tuple((window.start_ns, window.stop_ns) for window in windows)
    channels: dict[str, list[Channel]] = defaultdict(list)
    for run in entry.runs:
        for trace in run.outer:
            channels[trace.channel.calibration_id].append(trace.channel)
    for calibration, of_calibration in channels.items():
        sites = {_site(entry, channel) for channel in of_calibration}
        limits = {_limits(channel) for channel in of_calibration}
        site = sites.pop()
        if site and not sites and len(limits) == 1 and spans:
            yield calibration, _Claim(site, limits.pop(), spans)


def _site(entry: Entry, channel: Channel) -> tuple[str, ...]:
    """Return where an instrument stands; empty where its model or the submitter is not known."""
    instrument = instruments().get(channel.meter)
    if instrument is None or instrument.status == "class limit" or not entry.submitter:
        return ()
    if instrument.measurement_class == "analyzer":
        return (entry.submitter,)
    return (entry.submitter, entry.system)


def _limits(channel: Channel) -> tuple[str, float, float]:
    return (
        channel.meter,
        channel.accuracy.reading_limit_pct,
        channel.accuracy.power_factor_limit_pct,
    )


def _show_one_instrument(claims: Sequence[_Claim]) -> bool:
    """Whether all claims of a calibration fit one instrument at one site."""
    if len({(candidate.site, candidate.limits[0]) for candidate in claims}) > 1:
        return False
    spans = sorted({span for candidate in claims for span in candidate.spans})
    return all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
