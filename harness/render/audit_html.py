"""The audit as one page that needs nothing else: summary, filters, and for each entry a picture of its trace.

The page may load nothing and run nothing but its own style and script, which its policy names by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence

from harness.auditing import VERDICTS, EntryReport, Report
from harness.formats.base import Entry
from harness.render.cells import escape
from harness.render.trace_svg import entry_svg

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}h1{font-size:1.5rem}h2{font-size:1rem;margin:0;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-size:.85rem}th,td{padding:.3rem .5rem;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #ddd;overflow-wrap:anywhere}th{background:#f3f5f4}"
    ".entry{border:1px solid #ccc;border-left:6px solid #888;border-radius:4px;padding:.8rem 1rem;margin:1rem 0}"
    ".invalid{border-left-color:#b5533c}.valid{border-left-color:#4c8c4a}.unjudged{border-left-color:#c9a227}"
    ".fail td:first-child{color:#a5351d;font-weight:600}.error td:first-child{color:#8a6d00;font-weight:600}"
    ".skip{color:#666}.note{color:#555;font-size:.85rem;margin:.2rem 0}svg{width:100%;height:auto;margin:.5rem 0}"
    "form{display:flex;gap:1rem;flex-wrap:wrap;margin:1rem 0}.hidden{display:none}summary{cursor:pointer}"
    "@media(prefers-color-scheme:dark){body{background:#161a19;color:#e8e8e8}th{background:#24302c}"
    "td,th{border-color:#333}.skip,.note{color:#aaa}svg{background:#f7f8f7}}"
)
_SCRIPT = (
    "(function(){var v=document.getElementById('verdict'),r=document.getElementById('rule'),"
    "n=document.getElementById('shown');function show(){var c=0;"
    "document.querySelectorAll('.entry').forEach(function(e){var rules=(e.dataset.rules||'').split(' ');"
    "var on=(!v.value||e.dataset.verdict===v.value)&&(!r.value||rules.indexOf(r.value)>=0);"
    "e.classList.toggle('hidden',!on);if(on)c++;"
    "e.querySelectorAll('tr[data-rule]').forEach(function(t){"
    "t.classList.toggle('hidden',!!r.value&&t.dataset.rule!==r.value)})});n.textContent=c}"
    "v.addEventListener('change',show);r.addEventListener('change',show);show()})()"
)
SHOWN = 200
"""Findings of one entry that are on the page; the rest is counted."""


def audit_html(report: Report, entries: Sequence[Entry] = ()) -> str:
    """The page. entries: the evidence, for the pictures."""
    evidence = {entry.id: entry for entry in entries}
    parts = [_summary(report), _filters(report)]
    parts += [_entry(item, evidence.get(item.id)) for item in report.entries]
    parts += [_unreadable(path, reason) for path, reason in report.unreadable]
    return _page("\n".join(parts))


def _html(text: object) -> str:
    return escape(text, "html")


def _summary(report: Report) -> str:
    counts = "".join(f"<tr><th>{verdict}</th><td>{report.count(verdict)}</td></tr>" for verdict in VERDICTS)
    found = Counter((f.rule, f.status) for entry in report.entries for f in entry.findings if f.status != "skip")
    rows = "".join(
        f"<tr><td>{_html(rule)}</td><td>{status}</td><td>{count}</td></tr>"
        for (rule, status), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    )
    table = f"<table><tr><th>Rule</th><th>Status</th><th>Findings</th></tr>{rows}</table>" if rows else ""
    passed = f"<p class=note>{len(report.skipped)} folders passed over.</p>" if report.skipped else ""
    return f"<table>{counts}</table>{passed}<details><summary>Findings by rule</summary>{table}</details>{passed}"


def _filters(report: Report) -> str:
    rules = sorted({f.rule for entry in report.entries for f in entry.findings if f.status != "skip"})
    verdicts = "".join(f"<option>{verdict}</option>" for verdict in VERDICTS)
    options = "".join(f"<option>{_html(rule)}</option>" for rule in rules)
    return (
        f'<form><label>Verdict <select id=verdict><option value="">all</option>{verdicts}</select></label>'
        f'<label>Rule <select id=rule><option value="">all</option>{options}</select></label>'
        f"<span><output id=shown>{len(report.entries) + len(report.unreadable)}</output> entries shown</span></form>"
    )


def _entry(item: EntryReport, evidence: Entry | None) -> str:
    told = [finding for finding in item.findings if finding.status != "skip"]
    rules = " ".join(sorted({finding.rule for finding in told}))
    notes = "".join(f"<p class=note>{_html(note)}</p>" for note in item.notes)
    picture = entry_svg(evidence, item) if evidence is not None else ""
    return (
        f'<section class="entry {item.verdict}" data-verdict="{item.verdict}" data-rules="{_html(rules)}">'
        f"<h2>{item.verdict}: {_html(item.id)}</h2><p class=note>{_html(item.round)}</p>{notes}{picture}"
        f"{_findings(item)}</section>"
    )


def _findings(item: EntryReport) -> str:
    rows = "".join(
        f'<tr class={f.status} data-rule="{_html(f.rule)}"><td>{f.status}</td><td>{_html(f.rule)}</td>'
        f"<td>{_html(f.where)}</td><td>{_html(f.got)}</td><td>{_html(f.expected)} {_html(f.unit)}</td>"
        f"<td>{_html(f.fix)}</td><td>{_html(f.clause)}</td></tr>"
        for f in item.findings[:SHOWN]
    )
    if not rows:
        return "<p>No finding.</p>"
    more = len(item.findings) - SHOWN
    head = "".join(f"<th>{name}</th>" for name in ("Status", "Rule", "Where", "Got", "Expected", "Remedy", "Clause"))
    return f"<table><tr>{head}</tr>{rows}</table>" + (f"<p class=note>and {more} more</p>" if more > 0 else "")


def _unreadable(path: str, reason: str) -> str:
    return (
        f'<section class="entry unjudged" data-verdict=unjudged data-rules=""><h2>unjudged: {_html(path)}</h2>'
        f"<p>could not be read: {_html(reason)}</p></section>"
    )


def _page(body: str) -> str:
    policy = (
        f"default-src 'none'; style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>joulemark audit</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Audit</h1>\n{body}\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
