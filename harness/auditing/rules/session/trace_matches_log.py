"""The trace is that of the session that the log describes."""

from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import TINY_WINDOWS, Rule, RuleContext, Violation, location
from harness.formats.base import Run
from harness.formats.evidence import TinyEvidence

FIX = "Submit log and trace of one session."


def check(context: RuleContext) -> Iterator[Violation]:
    """Compare begin and length of each window, and the samples of each trial, with the log."""
    compared = 0
    for run in context.entry.runs:
        tiny = run.evidence.tiny
        if tiny is None:
            continue
        compared += _is_comparable(tiny)
        yield from _other_samples(run, tiny)
        yield from _other_times(run, tiny, context.limits)
    if not compared:
        yield Violation(
            "energy/log.txt",
            "no times or samples in the log",
            "those of each window",
            "Submit the whole log.",
            status="skip",
        )


def _is_comparable(tiny: TinyEvidence) -> bool:
    return tiny.logged_start_s is not None or None not in (tiny.samples, tiny.logged_samples)


def _other_samples(run: Run, tiny: TinyEvidence) -> Iterator[Violation]:
    if tiny.samples is None or tiny.logged_samples is None:
        return
    if tiny.samples != tiny.logged_samples:
        got = f"{tiny.samples} samples"
        yield Violation(location(run), got, f"{tiny.logged_samples}, as the log counts", FIX)


def _other_times(run: Run, tiny: TinyEvidence, limits: Mapping[str, float]) -> Iterator[Violation]:
    """Report a window that begins at another time than its command, or lasts otherwise.

    Both clocks count from the line that switches the trace on.
    """
    if tiny.logged_start_s is None or tiny.logged_seconds is None:
        return
    if tiny.start_s is not None:
        late_s = tiny.start_s - tiny.logged_start_s
        if abs(late_s) > limits["start_max_s"]:
            yield Violation(
                location(run),
                f"a window that begins {late_s:+.3f} s from its command in the log",
                f"within {limits['start_max_s']:g} s",
                FIX,
            )
    seconds = run.seconds or tiny.seconds
    if seconds is not None:
        longer_s = seconds - tiny.logged_seconds
        if abs(longer_s) > limits["length_max_s"]:
            yield Violation(
                location(run),
                f"a window of {seconds:.3f} s, {longer_s:+.3f} s of its command in the log",
                f"within {limits['length_max_s']:g} s",
                FIX,
            )


RULE = Rule(
    id="trace-matches-log",
    title="The trace is that of the session in the log",
    why="Trace and results of another board, or of an earlier session, fit each other. They do not "
    "fit the dialogue with the board that was recorded meanwhile.",
    evidence="Begin and length of each window by the markers of the trace, against the commands in "
    "the log, both since the trace was switched on; of MLCommons' runner the samples of each trial "
    "against the count in the log. In nine published results with times in the log, begins differ "
    "by 0.08 s at most and lengths by 0.04 s.",
    remedy="Submit log and trace of one session.",
    limits=("start_max_s", "length_max_s"),
    applies_to=TINY_WINDOWS,
    check=check,
)
