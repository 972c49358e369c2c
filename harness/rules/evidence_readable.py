"""All files of the result are there and can be read."""

from collections.abc import Iterator

from harness.rules.base import Case, Hit, Rule

LOST = (
    "file-unreadable",
    "file-empty",
    "window-unreadable",
    "trace-unreadable",
    "power-folder-missing",
    "scaling-unreadable",
)
BROKEN = ("mllog-line-broken", "trace-line-broken", "value-is-text", "window-assumed")
IGNORED = ("file-ignored",)


def check(case: Case) -> Iterator[Hit]:
    for codes, expected, status in (
        (LOST, "the file as the tools write it", None),
        (BROKEN, "lines as the tools write them", "warn"),
        (IGNORED, "node_*.txt and sw_*.txt only", "warn"),
    ):
        for defect in case.defects(*codes):
            yield Hit(
                case.inside(defect), f"{defect.code}: {defect.got}", expected, "Submit the complete, unedited files.",
                status=status,  # type: ignore[arg-type]
            )  # fmt: skip


RULE = Rule(
    id="evidence-readable",
    title="The evidence is complete and readable",
    why="What cannot be read cannot be checked; a missing file is a question, not a pass.",
    evidence="Files that are missing, empty, broken, or of no known kind.",
    remedy="Submit the complete, unedited files.",
    check=check,
)
