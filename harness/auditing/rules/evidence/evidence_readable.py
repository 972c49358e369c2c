"""All files of the result are there and can be read."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation

LOST = (
    "file-unreadable",
    "file-empty",
    "window-unreadable",
    "window-missing",
    "result-log-missing",
    "trace-unreadable",
    "power-folder-missing",
    "scaling-unreadable",
    "file-changed",
    "record-malformed",
    "key-twice",
    "chain-broken",
    "submission-changed",
    "signature-bad",
    "count-missing",
)
BROKEN = ("mllog-line-broken", "trace-line-broken", "value-is-text", "window-assumed")
UNFINISHED = ("run-incomplete",)
DISTURBED = ("clock-step",)
FAILING = ("meter-hung", "samples-cut")
UNBOUND = ("chain-missing", "chain-open")
UNSIGNED = ("unsigned",)
IGNORED = ("file-ignored",)
DERIVED = ("count-derived",)
LOCAL = ("local-time",)
ELSEWHERE = ("round-differs", "scenario-differs")
INFERRED = ("scenario-inferred",)

COMPLETE = "Submit the complete, unedited files."
_FIX = {
    "run-incomplete": "Run it again and leave this run out.",
    "clock-step": "Let the clock settle (chronyc waitsync) and run again.",
    "meter-hung": "Mend the meter's connection and run again.",
    "samples-cut": "Run it again and leave this run out.",
    "chain-missing": "Record runs with a release that writes chains.",
    "chain-open": "Run it again and leave this run out.",
    "count-missing": "Submit the whole log.",
    "count-derived": "Nothing: LoadGen of this round counts no queries of a stream.",
    "local-time": "Nothing: LoadGen of this round stamps in local time; it was undone here.",
    "round-differs": "Run LoadGen of the round that is submitted to.",
    "scenario-differs": "Submit a run in the folder of its scenario.",
    "scenario-inferred": "Nothing: MLPerf allows it. The result is marked.",
    "unsigned": "Pack it and sign it: joulemark sign SUBMISSION --key FILE.",
}


def check(case: RuleContext) -> Iterator[Violation]:
    for codes, expected, status in (
        (LOST, "the file as the tools write it", None),
        (BROKEN, "lines as the tools write them", "warn"),
        (IGNORED, "node_*.txt and sw_*.txt only", "warn"),
        (UNFINISHED, "a run that was recorded to its end", None),
        (DISTURBED, "a clock that runs evenly", None),
        (FAILING, "a meter that answers to the end", "warn"),
        (UNBOUND, "a journal whose chain goes to its end", "warn"),
        (DERIVED, "result_query_count", "warn"),
        (LOCAL, "stamps in UTC", "warn"),
        (ELSEWHERE, "a log of the round and scenario of its folder", "warn"),
        (INFERRED, "a run of the scenario itself", "warn"),
        (UNSIGNED, "a submission with its signature", "warn"),
    ):
        for defect in case.defects(*codes):
            yield Violation(
                case.inside(defect),
                f"{defect.code}: {defect.got}",
                expected,
                _FIX.get(defect.code, COMPLETE),
                status=status,  # type: ignore[arg-type]
            )


RULE = Rule(
    id="evidence-readable",
    title="The evidence is complete and readable",
    why="What cannot be read cannot be checked; a missing file is a question, not a pass.",
    evidence="Files that are missing, empty, broken, of no known kind, or not those that were recorded, packed and "
    "signed; journals whose chain is broken, open or missing.",
    remedy="Submit the complete, unedited files.",
    check=check,
)
