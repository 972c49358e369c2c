"""The analyzer was asked what the power workflow asks, and did it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import MODES, Exchange, Session
from harness.formats.ptdaemon.spl import Electric

JSON = "performance/power/server.json"
SET = ("SR,A,", "SR,V,")
STARTED = "Starting untimed measurement, maximum 500000 samples at {ms}ms with 0 rampup samples"


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    exchanges = session.exchanges
    if not exchanges and session.server:
        yield Violation(
            JSON,
            "no ptd_messages",
            "what was said to the PTDaemon",
            "Submit the document unedited.",
        )
    configs = session.configs()
    for number, dialogue in enumerate(exchanges):
        yield from _replies(dialogue, round(case.limits["interval_ms"]), session)
        config = configs[number] if number < len(configs) else {}
        analyzer = slice(number + 1, number + 2) if len(exchanges) > 1 else None
        yield from _ranges(dialogue, session.electric.get("ranging"), config, analyzer, case.limits)
        yield from _restored(dialogue)


def _replies(dialogue: Sequence[Exchange], ms: int, session: Session) -> Iterator[Violation]:
    stops = 0
    for cmd, reply in dialogue:
        expected = None
        if cmd.startswith(("SR,A", "SR,V")):
            expected = f"Range {cmd[3]} changed"
        elif cmd.startswith("Go,"):
            expected = STARTED.format(ms=ms)
        elif cmd == "Stop":
            stops += 1
            expected = (
                "Stopping untimed measurement" if stops <= 2 else "Error: no measurement to stop"
            )
        if expected is not None and reply != expected:
            yield Violation(
                JSON,
                f"{shorten(cmd, 60)}: {shorten(reply, 80)}",
                expected,
                "Measure again without a failure.",
            )
    went = [said.cmd for said in dialogue if said.cmd.startswith("Go,")]
    wanted = [f"Go,{ms},0,{session.mark(mode)}" for mode in MODES]
    if went != wanted:
        yield Violation(
            JSON,
            shorten(", ".join(went) or "no Go", 120),
            ", ".join(wanted),
            "Measure ranging and testing once each, in one session.",
        )


def _ranges(
    dialogue: Sequence[Exchange],
    ranging: Electric | None,
    config: Mapping[str, Any],
    analyzer: slice | None,
    limits: Mapping[str, float],
) -> Iterator[Violation]:
    """Largest voltage of the ranging run, and its largest current with a margin.

    analyzer: its place among the largest of several, where there are several
    """
    goes = [i for i, said in enumerate(dialogue) if said.cmd.startswith("Go,")]
    if len(goes) < 2 or ranging is None:
        return
    asked = {
        said.cmd[3]: said.cmd[5:]
        for said in dialogue[goes[0] : goes[1]]
        if said.cmd.startswith(SET)
    }
    for name, largest, margin in (
        ("V", ranging.volts_max, 1.0),
        ("A", ranging.amps_max, limits["current_margin"]),
    ):
        groups = (
            [largest[analyzer]]
            if analyzer
            else [largest, *_configured(largest, ranging.parts, config)]
        )
        expected = [max(group, default=0.0) * margin for group in groups]
        given = asked.get(name, "nothing")
        if expected[0] and not any(
            value and _near(given, value, limits["relative_max"]) for value in expected
        ):
            yield Violation(
                JSON,
                f"{name} range asked for testing: {shorten(given, 40)}",
                f"{expected[0]:.6f}: {margin:g} times the largest of the ranging run",
                "Let the power workflow choose the ranges.",
                name,
            )


def _configured(
    largest: Sequence[float], parts: Sequence[str], config: Mapping[str, Any]
) -> Iterator[Sequence[float]]:
    """What the workflow may have looked at instead of all: the total with the channels of ptd_config, or alone.

    They are the first n for a WT500, [n], and n from the first on for a WT330, [first, n].
    """
    channel = config.get("channel")
    numbers = [n for n in channel if isinstance(n, int)] if isinstance(channel, list) else []
    if len(numbers) in (1, 2):
        first = max(0, min(numbers[0], 1000)) if len(numbers) == 2 else 1
        names = {f"Ch{n}" for n in range(first, first + min(numbers[-1], len(parts)))}
        yield [
            largest[0],
            *(value for part, value in zip(parts, largest[1:], strict=True) if part in names),
        ]
    yield largest[:1]


def _near(text: str, expected: float, relative: float) -> bool:
    try:
        return abs(float(text) - expected) <= relative * expected
    except ValueError:
        return False


def _restored(dialogue: Sequence[Exchange]) -> Iterator[Violation]:
    """The ranges that RR told at the start are set again at the end."""
    initial = next((said.reply.split(",") for said in dialogue if said.cmd == "RR"), [])
    if len(initial) < 5:
        yield Violation(
            JSON, "no ranges at the start", "a reply to RR", "Submit the document unedited."
        )
        return
    last = {said.cmd[3]: said.cmd for said in dialogue if said.cmd.startswith(SET)}
    count = sum(said.cmd.startswith(SET) for said in dialogue)
    for name, auto, value in (("A", initial[1], initial[2]), ("V", initial[3], initial[4])):
        expected = f"SR,{name},{value if auto == '0' and not value.startswith('-') else 'Auto'}"
        if last.get(name) != expected or count < 6:
            got = last.get(name, "nothing") if count >= 6 else f"{count} commands that set a range"
            yield Violation(
                JSON,
                f"at the end {shorten(got, 60)}",
                expected,
                "Let the session end by itself.",
                status="warn",
            )


RULE = Rule(
    id="ptd-commands",
    title="The analyzer was asked what the workflow asks",
    why="Ranges that were set by hand, another sampling interval or a second Go make another measurement than the one "
    "the rules describe.",
    evidence="Commands and replies in server.json: ranges, Go and Stop; the ranges of the testing run against the "
    "largest voltage and current of the ranging run, of all channels, of those that ptd_config names, or of the total; "
    "the first ranges set again at the end (a warning).",
    remedy="Measure with the unchanged power workflow.",
    limits=("interval_ms", "current_margin", "relative_max"),
    applies_to=POWER_SESSION,
    check=check,
)
