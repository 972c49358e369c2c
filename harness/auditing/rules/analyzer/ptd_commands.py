"""The analyzer got the commands of the power workflow, and carried them out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.auditing.rules.ptd_figures import noted_figures, replied_figures
from harness.core.errors import shorten
from harness.formats.ptdaemon.electric import Electric
from harness.formats.ptdaemon.power_session import MODES, Exchange, Session, exchanges_of_mode

SERVER = Location(file="performance/power/server.json")
SET_CURRENT, SET_VOLTAGE = "SR,A,", "SR,V,"
SET_RANGE = (SET_CURRENT, SET_VOLTAGE)
STARTED = "Starting untimed measurement, maximum 500000 samples at {ms}ms with 0 rampup samples"
STOPPED, NOTHING_TO_STOP = "Stopping untimed measurement", "Error: no measurement to stop"
MAX_STOPS = 2
"""The workflow stops each of its two runs once; further stops have nothing to stop."""
MIN_RANGE_COMMANDS = 3
"""The workflow sets each range before ranging, before testing, and at the end."""
MIN_RR_CELLS = 5
"""`Ranges`, then whether current is automatic, its range, and the same of voltage."""
MAX_CHANNEL = 1000


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Check replies, measurements and ranges in the messages to each analyzer."""
    exchanges = session.exchanges
    if not exchanges and session.server:
        yield Violation(
            SERVER,
            "no ptd_messages",
            "what was said to the PTDaemon",
            "Submit the document unedited.",
        )
    configs = session.configs()
    interval_ms = round(context.limits["interval_ms"])
    for number, messages in enumerate(exchanges):
        yield from _wrong_replies(messages, interval_ms)
        yield from _wrong_measurements(messages, interval_ms, session)
        config = configs[number] if number < len(configs) else {}
        analyzer = slice(number + 1, number + 2) if len(exchanges) > 1 else None
        ranging = session.electric.get("ranging")
        if ranging is not None:
            lacks_reading = _lacks_reading(session, messages, number, ranging)
            yield from _wrong_ranges(
                messages, ranging, config, analyzer, lacks_reading, context.limits
            )
        yield from _ranges_not_restored(messages)


def _wrong_replies(messages: Sequence[Exchange], interval_ms: int) -> Iterator[Violation]:
    """Report commands that the analyzer did not carry out."""
    stops = 0
    for cmd, reply in messages:
        stops += cmd == "Stop"
        expected = _expected_reply(cmd, stops, interval_ms)
        if expected is not None and reply != expected:
            yield Violation(
                SERVER,
                f"{shorten(cmd, 60)}: {shorten(reply, 80)}",
                expected,
                "Measure again without a failure.",
            )


def _expected_reply(cmd: str, stops: int, interval_ms: int) -> str | None:
    """Return the only good reply to a command; None for commands that have others."""
    if cmd.startswith(("SR,A", "SR,V")):
        return f"Range {cmd[3]} changed"
    if cmd.startswith("Go,"):
        return STARTED.format(ms=interval_ms)
    if cmd == "Stop":
        return STOPPED if stops <= MAX_STOPS else NOTHING_TO_STOP
    return None


def _wrong_measurements(
    messages: Sequence[Exchange], interval_ms: int, session: Session
) -> Iterator[Violation]:
    """Report other measurements than one ranging and one testing run."""
    starts = [message.cmd for message in messages if message.cmd.startswith("Go,")]
    expected = [f"Go,{interval_ms},0,{session.mark(mode)}" for mode in MODES]
    if starts != expected:
        yield Violation(
            SERVER,
            shorten(", ".join(starts) or "no Go", 120),
            ", ".join(expected),
            "Measure ranging and testing once each, in one session.",
        )


def _lacks_reading(
    session: Session, messages: Sequence[Exchange], number: int, ranging: Electric
) -> bool:
    """Return whether spl.txt lacks a reading of the ranging run that the PTDaemon counted.

    The server of v1.0 to v3.0 copied spl.txt before the last one was in it.
    """
    logs = session.open()
    figures = replied_figures(exchanges_of_mode(messages, "ranging"))
    spans = logs.spans("ranging")
    if figures is None and number < len(spans):
        figures = noted_figures(logs, spans[number])
    return figures is not None and figures.readings > ranging.lines


def _wrong_ranges(
    messages: Sequence[Exchange],
    ranging: Electric,
    config: Mapping[str, Any],
    analyzer: slice | None,
    lacks_reading: bool,
    limits: Mapping[str, float],
) -> Iterator[Violation]:
    """Compare the ranges of the testing run with the largest readings of the ranging run.

    Args:
        messages: What was said to one analyzer.
        ranging: Voltages and currents of the ranging run.
        config: How its PTDaemon was started.
        analyzer: Its place among the largest readings of several analyzers; ``None`` for one.
        lacks_reading: Whether spl.txt lacks a reading, which may be larger than all others.
        limits: The limits of the rule.
    """
    starts = [i for i, message in enumerate(messages) if message.cmd.startswith("Go,")]
    if len(starts) < 2:
        return
    requested = {}
    for message in messages[starts[0] : starts[1]]:
        if message.cmd.startswith(SET_RANGE):
            requested[message.cmd[3]] = message.cmd[5:]
    quantities = (
        ("V", ranging.volts_max, 1.0),
        ("A", ranging.amps_max, limits["current_margin"]),
    )
    for unit, largest, margin in quantities:
        expected = [margin * peak for peak in _peaks(largest, ranging.parts, config, analyzer)]
        text = requested.get(unit, "nothing")
        if not expected[0] or _equals_any(text, expected, limits["relative_max"]):
            continue
        if not (lacks_reading and _exceeds(text, min(expected))):
            yield Violation(
                SERVER,
                f"{unit} range asked for testing: {shorten(text, 40)}",
                f"{expected[0]:.6f}: {margin:g} times the largest of the ranging run",
                "Let the power workflow choose the ranges.",
                unit,
            )


def _peaks(
    largest: Sequence[float],
    parts: Sequence[str],
    config: Mapping[str, Any],
    analyzer: slice | None,
) -> list[float]:
    """Return the largest readings that the workflow may have looked at.

    Of one analyzer these are the largest of all channels, of those that ptd_config names together
    with the total, or of the total alone.
    """
    if analyzer is not None:
        groups = [largest[analyzer]]
    else:
        groups = [largest, largest[:1]]
        configured = _configured_channels(config, len(parts))
        if configured is not None:
            of_channels = zip(parts, largest[1:], strict=True)
            chosen = [value for part, value in of_channels if part in configured]
            groups.insert(1, [largest[0], *chosen])
    return [max(group, default=0.0) for group in groups]


def _configured_channels(config: Mapping[str, Any], part_count: int) -> set[str] | None:
    """Return the channels that ptd_config names.

    For a WT500, [n] means the first n; for a WT330, [first, n] means n from the first on.
    """
    channel = config.get("channel")
    if not isinstance(channel, list):
        return None
    numbers = [number for number in channel if isinstance(number, int)]
    if len(numbers) not in (1, 2):
        return None
    first = max(0, min(numbers[0], MAX_CHANNEL)) if len(numbers) == 2 else 1
    count = min(numbers[-1], part_count)
    return {f"Ch{number}" for number in range(first, first + count)}


def _equals_any(text: str, expected: Sequence[float], relative_max: float) -> bool:
    """Return whether a text is one of some numbers; 0 is none of them."""
    try:
        value = float(text)
    except ValueError:
        return False
    return any(number and abs(value - number) <= relative_max * number for number in expected)


def _exceeds(text: str, least: float) -> bool:
    """Return whether a text is a number above another."""
    try:
        return least < float(text) < math.inf
    except ValueError:
        return False


def _ranges_not_restored(messages: Sequence[Exchange]) -> Iterator[Violation]:
    """Report ranges that RR reported at the start and that are not set again at the end.

    MLPerf's check looks at the third command of each range: the workflow sets it before ranging,
    before testing, and at the end. With a ranging mode there is one more at the start, so the last
    one counts too.
    """
    initial = next((m.reply.split(",") for m in messages if m.cmd == "RR"), [])
    if len(initial) < MIN_RR_CELLS:
        fix = "Submit the document unedited."
        yield Violation(SERVER, "no ranges at the start", "a reply to RR", fix)
        return
    for unit, is_auto, value in (("A", *initial[1:3]), ("V", *initial[3:5])):
        was_fixed = is_auto == "0" and _exceeds(value, 0.0)
        expected = f"SR,{unit},{value if was_fixed else 'Auto'}"
        commands = [message.cmd for message in messages if message.cmd.startswith(f"SR,{unit},")]
        if len(commands) < MIN_RANGE_COMMANDS:
            got = f"{len(commands)} commands that set the range {unit}"
        elif expected not in (commands[MIN_RANGE_COMMANDS - 1], commands[-1]):
            got = commands[-1]
        else:
            continue
        yield Violation(
            SERVER, f"at the end {shorten(got, 60)}", expected, "Let the session end by itself."
        )


RULE = Rule(
    id="ptd-commands",
    title="The analyzer got the commands of the workflow",
    why="Ranges set by hand, another sampling interval or a second Go make a measurement that "
    "differs from the one the rules describe.",
    evidence="Commands and replies in server.json: ranges, Go and Stop, and the first ranges set "
    "again at the end. The ranges of the testing run against the largest voltage and current of "
    "the ranging run, of all channels, of those that ptd_config names, or of the total: the "
    "workflow computes them from these, so others contradict it. Where spl.txt lacks a reading of "
    "the ranging run that the PTDaemon counted, a larger range is right.",
    remedy="Measure with the unchanged power workflow.",
    limits=("interval_ms", "current_margin", "relative_max"),
    applies_to=POWER_SESSION,
    check=check,
)
