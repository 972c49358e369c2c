"""The report on a recorded run: its energy with an interval, and the verdict of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.live.measure import RecordedRun
    from harness.uncertainty.estimate import Estimate

WORDS = {"valid": "VALID", "invalid": "INVALID", "questioned": "QUESTIONED"}
MAX_REASONS = 5


@dataclass(frozen=True, slots=True)
class RunReport:
    """A recorded run as score and audit see it.

    Attributes:
        folder: Its run directory.
        window_s: Length of the timed part [s]; None where the clock was set back in it.
        energy: Energy of the run [J].
        verdict: The audit's verdict on this run alone; "invalid" also where the workload says so.
        summary: One line.
        notes: Advice of the workload, then the reasons of the audit.
    """

    folder: Path
    window_s: float | None
    energy: Estimate
    verdict: str
    summary: str
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the item of the schema `written`."""
        from harness.render.json import estimate

        return {
            "kind": "run",
            "path": str(self.folder),
            "window_s": self.window_s,
            "valid": {"valid": True, "invalid": False}.get(self.verdict),
            "verdict": self.verdict,
            "energy": estimate(self.energy),
            "summary": self.summary,
            "notes": list(self.notes),
        }


def report_on(recorded: RecordedRun) -> RunReport:
    """Score and audit a run directory."""
    from harness import api
    from harness.render.numbers import estimate_text

    tree = api.read(recorded.folder)
    (result,) = api.score(tree)
    (audit,) = api.audit(tree).entries
    reasons = [
        f"{finding.where}: {finding.rule}: got {finding.got}, expected {finding.expected_with_unit}"
        for finding in audit.findings
        if finding.status in ("fail", "error")
    ]
    outcome, seconds = recorded.outcome, recorded.outcome.window.seconds
    verdict = "invalid" if outcome.success is False else str(audit.verdict)
    parts = [f"window {seconds:.2f} s", estimate_text(result.energy)]
    if outcome.performance:
        parts.append(f"{outcome.performance.value:.4g} {outcome.performance.unit}")
    quality = outcome.quality
    if quality:
        target = f" (target {quality.target:g})" if quality.target is not None else ""
        parts.append(f"{quality.metric} {quality.value:.4g}{target}")
    parts.append(WORDS.get(verdict, "not judged"))
    if len(reasons) > MAX_REASONS:
        reasons[MAX_REASONS:] = [f"and {len(reasons) - MAX_REASONS} more: joulemark audit says all"]
    return RunReport(
        folder=recorded.folder,
        window_s=seconds if seconds >= 0 else None,
        energy=result.energy,
        verdict=verdict,
        summary=", ".join(parts),
        notes=(*outcome.advice, *reasons),
    )
