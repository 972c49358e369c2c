"""The ranges that were set fit the load."""

from collections.abc import Iterator, Mapping, Sequence

from harness.auditing.rules.base import Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.analyzer import NEAR, amp_steps, ranges_taken
from harness.formats.ptdaemon.power_session import Exchange, Session
from harness.formats.ptdaemon.spl import Electric

SPL = "performance/run_1/spl.txt"
TWICE = 0.55
"""A range counts as the next smaller one where it is about half or less: not all analyzers have all ranges."""
NAMES = {"V": "voltage", "A": "current"}


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    logs, testing, ranging = (
        session.open(),
        session.electric.get("testing"),
        session.electric.get("ranging"),
    )
    spans, exchanges = logs.spans("testing"), session.exchanges
    for number, (go, _, _) in enumerate(spans if testing else ()):
        before = max((at for at, _ in logs.goes if at < go), default=0)
        before = max(before, go - NEAR)
        for name, taken in ranges_taken(logs.ptd, before, go).items():
            if taken is None:
                yield Violation(
                    "performance/power/ptd_logs.txt",
                    f"{NAMES[name]} range not fixed before the testing run",
                    "a fixed range",
                    "Let the power workflow set it.",
                    status="warn",
                )
                continue
            peak = _peak(testing, name, number, len(spans))
            yield from _over(name, taken, peak, case.limits["range_share_max"])
            if name == "A" and _has_peaks(testing, number, len(spans)):
                steps = amp_steps(_identity(exchanges, number))
                yield from _wide(
                    taken, peak, _peak(ranging, name, number, len(spans)), steps, case.limits
                )


def _peak(electric: Electric | None, name: str, number: int, of: int) -> float:
    largest = () if electric is None else electric.volts_max if name == "V" else electric.amps_max
    return max(largest if of == 1 else largest[number + 1 : number + 2], default=0.0)


def _has_peaks(electric: Electric | None, number: int, of: int) -> bool:
    """Whether the current is told of single channels: that of a sum is their mean, and some channel has more."""
    channels = () if electric is None else electric.channels
    return 1 in (channels if of == 1 else channels[number + 1 : number + 2])


def _identity(exchanges: Sequence[Sequence[Exchange]], number: int) -> str:
    said = exchanges[number] if number < len(exchanges) else ()
    return next((item.reply for item in said if item.cmd == "Identify"), "")


def _over(name: str, taken: float, peak: float, most: float) -> Iterator[Violation]:
    if peak > most * taken:
        yield Violation(
            SPL,
            f"{NAMES[name]} up to {peak:.4g}, {peak / taken:.2f} of the range",
            f"at most {most:g} of {taken:g}",
            "Choose the range above; beyond it the analyzer reads too little.",
            name,
            "warn",
        )


def _wide(
    taken: float, peak: float, ranging: float, steps: Sequence[float], limits: Mapping[str, float]
) -> Iterator[Violation]:
    """A range that the margin alone pushed up, or that is far too wide: the uncertainty is that of the range."""
    fits = max((step for step in steps if step < TWICE * taken), default=0.0)
    if 0 < max(peak, ranging) <= fits:
        why = (
            "the margin alone asks for more"
            if ranging * limits["current_margin"] > fits
            else "it is far too wide"
        )
        yield Violation(
            SPL,
            f"current up to {peak:.4g} in a range of {taken:g}: {why}",
            f"the range of {fits:g}",
            "Say so in the submission: the uncertainty of this result is larger than it need be.",
            "A",
            "warn",
        )


RULE = Rule(
    id="meter-range",
    title="The ranges fit the load",
    why="Above its range an analyzer reads too little, and PTDaemon's limit is no limit there; far below it the "
    "uncertainty is that of the range, not of the reading.",
    evidence="Largest voltage and current of any channel in the testing run against the ranges that ptd_logs.txt says "
    "were taken; a range above the next smaller one that would have held the load of both runs.",
    remedy="Let the workflow choose the ranges by a ranging run of the same load.",
    limits=("range_share_max", "current_margin"),
    check=check,
)
