"""The folder of the power session holds the five files of the workflow, and no others."""

import os
from collections.abc import Iterator

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import Session

FOLDER = "performance/power"
FILES = frozenset({"client.json", "client.log", "ptd_logs.txt", "server.json", "server.log"})
OPTIONAL = frozenset({"mlperf_log_trace.json", "results.json"})
"""Files that MLPerf's checker ignores wherever they are; so it does .gitkeep."""
MAX_NAMES = 10_000


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:  # noqa: ARG001
    """Report files that the power workflow does not write; missing ones are another rule's."""
    extra = sorted(_file_names(session) - FILES - OPTIONAL)
    if extra:
        yield Violation(
            FOLDER,
            f"also {shorten(', '.join(extra), 160)}",
            ", ".join(sorted(FILES)),
            "Leave other files out of this folder.",
        )


def _file_names(session: Session) -> set[str]:
    """Return the names of the files in the folder, hidden ones aside."""
    folder = session.directory / "power"
    if folder.is_symlink() or session.directory.is_symlink():
        return set()  # no link is followed; evidence-readable reports it
    try:
        names = os.listdir(folder)[:MAX_NAMES]
    except OSError:
        return set()
    return {name for name in names if not name.startswith(".") and (folder / name).is_file()}


RULE = Rule(
    id="power-folder",
    title="The power folder holds the files of the workflow only",
    why="MLPerf's submission checker accepts exactly these five files; a second log beside them "
    "leaves open which one counts.",
    evidence="Names of the files in performance/power. Missing ones are reported by "
    "evidence-readable and declared-hashes.",
    remedy="Submit the five files that the power workflow writes.",
    applies_to=POWER_SESSION,
    check=check,
)
