"""Build a site from a leaderboard and its audit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import harness
from harness.auditing.report import EntryReport
from harness.auditing.submission import SubmissionFiles, submission_files
from harness.core.progress import NO_PROGRESS, Progress
from harness.core.schemas import SCHEMA_VERSION
from harness.ranking.leaderboard import Table
from harness.ranking.question_sets import question_sets
from harness.render.json import leaderboard_document, result_document
from harness.render.leaderboard_csv import leaderboard_csv
from harness.render.terminal.leaderboard import MARKS
from harness.scoring.result import ESTIMATED_CLASSES
from harness.site.audit.entries import AuditedEntry
from harness.site.audit.page import MAX_PICTURES, audit_context, verdict_counts
from harness.site.audit.rules import rule_contexts
from harness.site.audit.submitters import submitter_context
from harness.site.entries import SEVERITY_TEXTS, VERDICTS, Site, SiteEntry, site_entries
from harness.site.evidence import Packed, count_readings, evidence_script
from harness.site.files import MARKER, SiteWriter
from harness.site.glossary import BOUNDARIES, CLASSES, TIPS
from harness.site.index_page import co2e_note, facets, index_table
from harness.site.names import file_name
from harness.site.pages import benchmark_context, models_context
from harness.site.plots.finding_marks import FindingMark, finding_marks, numbered_findings
from harness.site.plots.trace import TraceFigure, small_trace
from harness.site.result_page import result_context
from harness.site.templates import environment, render, stylesheet_and_scripts

TITLE = "Energy leaderboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a site says of itself.

    Attributes:
        sources: Paths that it was made of, as they were given.
        created: When it was made, as text.
        level: Coverage probability of its intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        title: Its title.
        keys: Public key in Base64 and owner of each key to check signatures with, by its id.
    """

    sources: Sequence[str]
    created: str
    level: float
    seed: int
    title: str = TITLE
    keys: Mapping[str, Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class BuiltSite:
    """A site that was written.

    Attributes:
        index: Its first page.
        root: Root of its tree of hashes, in hexadecimal.
        entries: Number of its entries.
        files: Number of its files.
    """

    index: Path
    root: str
    entries: int
    files: int


def build_site(
    out: Path,
    tables: Sequence[Table],
    reports: Mapping[str, EntryReport],
    about: About,
    *,
    unreadable: Sequence[tuple[str, str]] = (),
    skipped: int = 0,
    progress: Progress = NO_PROGRESS,
) -> BuiltSite:
    """Write a site.

    Args:
        out: Folder of the site: a new or empty one, or that of an earlier board.
        tables: The leaderboard.
        reports: Audit of each entry by its id.
        about: What the site says of itself.
        unreadable: Path and reason of each entry that could not be read.
        skipped: Folders that were passed over.
        progress: Receives each phase.

    Raises:
        UsageError: The folder holds something else.
        MissingExtraError: The extra `board` is not installed.
    """
    environment()  # fail before anything is written
    grouped = [(table, entries) for table, entries in site_entries(tables, reports) if entries]
    site = Site(
        entries=[entry for _, entries in grouped for entry in entries],
        tables=grouped,
        unreadable=list(unreadable),
        skipped=skipped,
        about=_about_context(about),
    )
    writer = SiteWriter(out)
    builder = _Builder(site, about, writer)
    builder.write_assets()
    progress.phase("Writing results", len(site.entries))
    for entry in progress.track(site.entries):
        builder.write_result(entry)
    progress.phase("Writing pages")
    builder.write_groups()
    builder.write_top()
    root = writer.finish()
    return BuiltSite(out / "index.html", root, len(site.entries), len(writer.digests))


def _about_context(about: About) -> dict[str, Any]:
    context = asdict(about)
    context["level"] = f"{100 * about.level:g} %"
    context["source_paths"] = {path: os.path.abspath(path) for path in about.sources}
    context["source_names"] = [Path(path).name for path in context["source_paths"].values()]
    context["version"] = harness.__version__
    context["options"] = f" --level {about.level:g} --seed {about.seed}"
    return context


def _pictured(site: Site) -> frozenset[str]:
    """Return the names of the entries whose traces the audit page shows, the worst first."""
    wrong = [
        entry.name
        for verdict in ("invalid", "questioned", "unjudged")
        for entry in site.entries
        if entry.verdict == verdict
    ]
    return frozenset(wrong[:MAX_PICTURES])


class _Builder:
    """Write the pages of one site."""

    def __init__(self, site: Site, about: About, writer: SiteWriter) -> None:
        self.site = site
        self.about = about
        self.writer = writer
        self.submissions: dict[Path, SubmissionFiles] = {}
        self.has_evidence: set[str] = set()
        self.audited: dict[str, AuditedEntry] = {}
        self.pictured = _pictured(site)
        self.models = models_context(site)

    def page(self, path: str, template: str, current: str = "", **context: Any) -> None:
        """Write one page; `current` is its place in the navigation."""
        top = "../" * path.count("/")
        common = {
            "about": self.site.about,
            "has_models": bool(self.models["sets"]),
            "top": top,
            "current": current,
        }
        self.writer.write(path, render(template, **common, **context))

    def write_assets(self) -> None:
        """Write style, scripts and what says that the folder is a site."""
        for path, content in stylesheet_and_scripts().items():
            self.writer.write(path, content)
        marker = {"schema_version": SCHEMA_VERSION, "joulemark": harness.__version__}
        self.writer.write(MARKER, json.dumps(marker) + "\n")

    def write_result(self, entry: SiteEntry) -> None:
        """Write page, JSON and evidence of one entry."""
        packed = self._packed(entry)
        marks = finding_marks(entry)
        script = evidence_script(entry.result, _evidence_about(entry, marks), packed)
        if script is not None:
            self.writer.write(f"evidence/{entry.name}.js", script)
            self.has_evidence.add(entry.name)
        context = result_context(entry, self.site, packed, marks)
        context["has_evidence"] = script is not None
        context["has_readings"] = count_readings(entry.result) > 0
        self.page(entry.page, "result.html", **context)
        self.audited[entry.name] = self._audited(entry, marks, context["trace"])
        document = result_document([entry.result])
        self.writer.write(f"results/{entry.name}.json", json.dumps(document) + "\n")

    def _audited(
        self, entry: SiteEntry, marks: Sequence[FindingMark], figure: TraceFigure | None
    ) -> AuditedEntry:
        """Return what the pages of the audit show of an entry."""
        return AuditedEntry(
            entry,
            numbered_findings(entry),
            frozenset() if figure is None else figure.numbers,
            small_trace(entry, marks) if entry.name in self.pictured else None,
        )

    def _packed(self, entry: SiteEntry) -> Packed | None:
        """Return the submission of an entry; write its signatures where they are new."""
        submission = submission_files(entry.result.entry, self.submissions)
        if submission is None:
            return None
        files, folder = submission
        name = "signed-" + file_name(folder.submission.name, str(folder.submission))
        path = f"evidence/{name}.js"
        if path not in self.writer.digests:
            signed = {
                "manifest": files.manifest,
                "envelope": files.envelope,
                "keys": dict(self.about.keys or {}),
            }
            text = json.dumps(signed).replace("<", "\\u003c")
            self.writer.write(path, f"joulemark.receiveSigned({text});\n")
        return Packed(folder.submission, folder.folder.as_posix(), name, files.listed)

    def write_groups(self) -> None:
        """Write the pages of benchmarks, submitters and rules."""
        for name in self.site.by_benchmark():
            context = benchmark_context(self.site, name)
            self.page(f"benchmarks/{name}.html", "benchmark.html", **context)
        for name, entries in self.site.by_submitter().items():
            audited = [self.audited[entry.name] for entry in entries]
            self.page(f"submitters/{name}.html", "submitter.html", **submitter_context(audited))
        for context in rule_contexts(list(self.audited.values())):
            self.page(f"rules/{context['page']}.html", "rule.html", **context)

    def write_top(self) -> None:
        """Write the index and the other pages at the top."""
        tables = [index_table(table, entries) for table, entries in self.site.tables]
        self.page(
            "index.html",
            "index.html",
            "index",
            tables=tables,
            tips=TIPS,
            facets=facets(tables),
            count=len(self.site.entries),
            co2e_note=co2e_note([table for table, _ in self.site.tables]),
            verdicts=verdict_counts(self.site),
            unreadable=self.site.unreadable,
        )
        if self.models["sets"]:
            self.page("models.html", "models.html", "models", **self.models)
        all_tables = [table for table, _ in self.site.tables]
        document = leaderboard_document(all_tables, sets=question_sets(all_tables))
        self.writer.write("leaderboard.json", json.dumps(document) + "\n")
        text = leaderboard_csv([table for table, _ in self.site.tables])
        self.writer.write("leaderboard.csv", text)
        audit = audit_context(self.site, list(self.audited.values()))
        self.page("audit.html", "audit.html", "audit", **audit)
        self.page(
            "help.html",
            "help.html",
            "help",
            verdict_texts=VERDICTS,
            marks=MARKS,
            classes=CLASSES,
            boundaries=BOUNDARIES,
            severities=SEVERITY_TEXTS,
        )
        can_compare = len(self.has_evidence) > 1
        self.page("compare.html", "compare.html", "compare", can_compare=can_compare)
        self.page("verify.html", "verify.html", "verify")
        names = [
            [entry.name, entry.title, entry.result.entry.submitter]
            for entry in self.site.entries
            if entry.name in self.has_evidence
        ]
        text = json.dumps(names, separators=(",", ":"))
        self.writer.write("names.js", f"joulemark.names={text};\n")


def _evidence_about(entry: SiteEntry, marks: Sequence[FindingMark]) -> dict[str, Any]:
    """Return what pages say of an entry beside its readings, and where findings are in them."""
    evidence = entry.result.entry
    estimate = entry.result.energy_per_unit
    return {
        "name": entry.name,
        "id": evidence.id,
        "title": entry.title,
        "submitter": evidence.submitter,
        "verdict": entry.verdict,
        "interval": [estimate.low, estimate.high],
        "table": {
            "task": evidence.task,
            "benchmark": evidence.benchmark,
            "scenario": evidence.scenario,
            "unit": estimate.unit,
            "boundary": entry.table.boundary,
            "simulated": evidence.simulated,
            "modelled": entry.result.measurement_class in ESTIMATED_CLASSES,
        },
        "marks": [_mark(item) for item in marks],
    }


def _mark(mark: FindingMark) -> dict[str, Any]:
    """Return the place of a finding; times as texts, which hold nanoseconds in a browser."""
    return {
        "number": mark.number,
        "severity": mark.severity,
        "rule": mark.rule,
        "title": mark.title,
        "run": mark.run,
        "channel": mark.channel,
        "span_ns": None if mark.span is None else [str(t_ns) for t_ns in mark.span],
    }
