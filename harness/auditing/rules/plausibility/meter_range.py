"""The ranges that were set fit the load."""

from collections.abc import Iterator, Mapping, Sequence

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.analyzer import RANGE_SEARCH_BYTES, amp_steps, ranges_set
from harness.formats.ptdaemon.electric import Electric
from harness.formats.ptdaemon.power_session import Exchange, Session

SPL = Location(file="performance/run_1/spl.txt")
NEXT_SMALLER = 0.55
"""The next smaller range is at most this share of one: some analyzers lack ranges between."""
QUANTITIES = {"V": "voltage", "A": "current"}


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Warn of ranges that are not fixed, too small or too large, for each analyzer."""
    logs = session.open()
    testing, ranging = session.electric.get("testing"), session.electric.get("ranging")
    if testing is None:
        return
    spans = logs.spans("testing")
    for number, (go_at, _, _) in enumerate(spans):
        peaks = Peaks(testing, number, len(spans))
        ranging_peaks = Peaks(ranging, number, len(spans))
        previous_go_at = max((at for at, _ in logs.go_commands if at < go_at), default=0)
        start = max(previous_go_at, go_at - RANGE_SEARCH_BYTES)
        for unit, range_limit in ranges_set(logs.ptd, start, go_at).items():
            if range_limit is None:
                yield _not_fixed(unit)
                continue
            yield from _too_small(
                unit, range_limit, peaks.largest(unit), context.limits["range_share_max"]
            )
            if unit == "A" and peaks.of_single_channels:
                steps = amp_steps(_identity(session.exchanges, number))
                current_a, ranging_a = peaks.largest("A"), ranging_peaks.largest("A")
                yield from _too_large(range_limit, current_a, ranging_a, steps, context.limits)


class Peaks:
    """The largest voltage and current of one analyzer in one mode."""

    def __init__(self, electric: Electric | None, number: int, analyzers: int) -> None:
        self._electric = electric
        self._channels = slice(None) if analyzers == 1 else slice(number + 1, number + 2)

    def largest(self, unit: str) -> float:
        """Return the largest value of a quantity, V or A; 0 where nothing was read."""
        if self._electric is None:
            return 0.0
        values = self._electric.volts_max if unit == "V" else self._electric.amps_max
        return max(values[self._channels], default=0.0)

    @property
    def of_single_channels(self) -> bool:
        """Whether currents of single channels are known: that of a sum is their mean."""
        return self._electric is not None and 1 in self._electric.channels[self._channels]


def _identity(exchanges: Sequence[Sequence[Exchange]], number: int) -> str:
    """Return what an analyzer answered to Identify."""
    messages = exchanges[number] if number < len(exchanges) else ()
    return next((message.reply for message in messages if message.cmd == "Identify"), "")


def _not_fixed(unit: str) -> Violation:
    return Violation(
        Location(file="performance/power/ptd_logs.txt"),
        f"{QUANTITIES[unit]} range not fixed before the testing run",
        "a fixed range",
        "Let the power workflow set it.",
        status="warn",
    )


def _too_small(
    unit: str, range_limit: float, peak: float, range_share_max: float
) -> Iterator[Violation]:
    if peak > range_share_max * range_limit:
        share = peak / range_limit
        yield Violation(
            SPL,
            f"{QUANTITIES[unit]} up to {peak:.4g} {unit}, {share:.2f} of the range",
            f"at most {range_share_max:g} of {range_limit:g}",
            "Choose the range above; beyond it the analyzer reads too little.",
            unit,
            "warn",
        )


def _too_large(
    range_limit: float,
    peak_a: float,
    ranging_peak_a: float,
    steps_a: Sequence[float],
    limits: Mapping[str, float],
) -> Iterator[Violation]:
    """Warn of a range that only the margin demanded, or that is far too large.

    The uncertainty is that of the range.
    """
    smaller_a = max((step for step in steps_a if step < NEXT_SMALLER * range_limit), default=0.0)
    if not 0 < max(peak_a, ranging_peak_a) <= smaller_a:
        return
    margin_demands_more = ranging_peak_a * limits["current_margin"] > smaller_a
    reason = "the margin alone asks for more" if margin_demands_more else "it is far too wide"
    yield Violation(
        SPL,
        f"current up to {peak_a:.4g} A in a range of {range_limit:g} A: {reason}",
        f"the range of {smaller_a:g}",
        "Say so in the submission: the uncertainty of this result is larger than it need be.",
        "A",
        "warn",
    )


RULE = Rule(
    id="meter-range",
    title="The ranges fit the load",
    why="Above its range an analyzer reads too little, and PTDaemon's limit does not hold there; "
    "far below it the uncertainty is that of the range, not of the reading.",
    evidence="Largest voltage and current of any channel in the testing run against the ranges "
    "that ptd_logs.txt says were set; a range above the next smaller one that would have held the "
    "load of both runs.",
    remedy="Let the workflow choose the ranges by a ranging run of the same load.",
    limits=("range_share_max", "current_margin"),
    applies_to=POWER_SESSION,
    check=check,
)
