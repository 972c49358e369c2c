"""The ranging run took as long as the run that counts."""

from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.power_session import Session

TESTING_DETAIL = Location(file="performance/run_1/mlperf_log_detail.txt")


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Report a testing run that is much shorter, or much longer, than the ranging run."""
    ranging, testing = session.window("ranging"), session.window("testing")
    if ranging is None or testing is None:
        return  # reported by evidence-readable
    ranging_s, testing_s = ranging.seconds, testing.seconds
    if ranging_s <= 0 or testing_s <= 0:
        return  # reported by window-present
    longer_s = max(ranging_s, testing_s)
    change = (testing_s - ranging_s) / longer_s
    shorter_max, longer_max = context.limits["shorter_max"], context.limits["longer_max"]
    if not -shorter_max <= change <= longer_max:
        yield Violation(
            TESTING_DETAIL,
            f"ranging {ranging_s:.2f} s and testing {testing_s:.2f} s differ by "
            f"{100 * abs(change):.2f} %",
            f"at most {100 * (shorter_max if change < 0 else longer_max):g} % of the longer run",
            "Run the same work twice.",
        )


RULE = Rule(
    id="ranging-duration",
    title="Ranging and testing took the same time",
    why="A ranging run of other work finds other ranges. It was MLPerf's only comparison of the "
    "two runs until mean powers replaced it, since honest runs of servers and language models "
    "differ.",
    evidence="power_begin to power_end of both runs, as a share of the longer one.",
    remedy="Do the same work in both runs.",
    applies_to=POWER_SESSION,
    limits=("shorter_max", "longer_max"),
    check=check,
)
