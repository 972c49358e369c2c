"""The audit as one page that needs nothing else: summary, filters, and for each entry a picture of its trace.

The page may load nothing and run nothing but its own style and script, which its policy names by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence

from harness.auditing.report import VERDICTS, EntryReport, Report
from harness.formats.base import Entry
from harness.render.escape import escape
from harness.render.trace_svg import entry_svg

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1rem;margin:0;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-size:.85rem}th,td{padding:.3rem .5rem;text-align:left;"
    "vertical-align:top;border-bottom:1px solid #ddd}th{background:#f3f5f4}"
    "td:nth-child(1),td:nth-child(2){white-space:nowrap}td:nth-child(3),td:nth-child(4){overflow-wrap:anywhere}"
    "td:nth-child(3),td:nth-child(4),td:nth-child(5){min-width:9rem}"
    "td:nth-child(6),td:nth-child(7){color:#555;min-width:11rem}"
    ".counts{display:flex;gap:1rem;flex-wrap:wrap}.counts div{border-left:6px solid #888;padding:.2rem 1rem;"
    "background:#f3f5f4}.counts b{font-size:1.4rem;margin-right:.4rem}.counts+*{margin-top:.8rem}"
    ".entry{border:1px solid #ccc;border-left:6px solid #888;border-radius:4px;padding:.8rem 1rem;margin:1rem 0}"
    ".entry.invalid,.counts .invalid{border-left-color:#b5533c}.entry.valid,.counts .valid{border-left-color:#4c8c4a}"
    ".entry.unjudged,.counts .unjudged{border-left-color:#c9a227}"
    "tr.fail td:first-child{color:#a5351d;font-weight:600}tr.error td:first-child{color:#8a6d00;font-weight:600}"
    "tr.skip td{color:#666}.note{color:#555;font-size:.85rem;margin:.2rem 0}.picture{overflow-x:auto}"
    "svg{display:block;width:100%;min-width:44rem;height:auto;margin:.5rem 0}"
    "form{display:flex;gap:1rem;flex-wrap:wrap;margin:1rem 0}.hidden{display:none}summary{cursor:pointer}"
    "@media(max-width:56rem){.findings th{display:none}.findings tr{display:block;padding:.4rem 0;"
    "border-bottom:1px solid #ddd}.findings tr.hidden{display:none}.findings td{display:block;border:0;padding:0}"
    ".findings td:nth-child(1),.findings td:nth-child(2){display:inline;margin-right:.6rem;font-weight:600}"
    ".findings td:nth-child(4)::before{content:'got '}.findings td:nth-child(5)::before{content:'expected '}}"
    "@media(prefers-color-scheme:dark){body{background:#161a19;color:#e8e8e8}th,.counts div{background:#24302c}"
    "td,th,.findings tr{border-color:#333}.note,tr.skip td,td:nth-child(6),td:nth-child(7){color:#aaa}"
    "tr.fail td:first-child{color:#f0917c}tr.error td:first-child{color:#e0c060}svg{background:#f7f8f7;"
    "padding:.4rem;box-sizing:border-box}.entry{border-color:#444}}"
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
    counts = "".join(
        f"<div class={verdict}><b>{report.count(verdict)}</b>{verdict}</div>"
        for verdict in VERDICTS
    )
    found = Counter(
        (f.rule, f.status) for entry in report.entries for f in entry.findings if f.status != "skip"
    )
    rows = "".join(
        f"<tr><td>{_html(rule)}</td><td>{status}</td><td>{count}</td></tr>"
        for (rule, status), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    )
    table = (
        f"<table><tr><th>Rule</th><th>Status</th><th>Findings</th></tr>{rows}</table>"
        if rows
        else ""
    )
    passed = (
        f"<p class=note>{len(report.skipped)} folders passed over.</p>" if report.skipped else ""
    )
    by_rule = f"<details><summary>Findings by rule</summary>{table}</details>" if table else ""
    return f"<div class=counts>{counts}</div>{by_rule}{passed}"


def _filters(report: Report) -> str:
    rules = sorted(
        {f.rule for entry in report.entries for f in entry.findings if f.status != "skip"}
    )
    verdicts, names = (
        '<option value="">all</option>'
        + "".join(f"<option>{_html(text)}</option>" for text in texts)
        for texts in (VERDICTS, rules)
    )
    return (
        f"<form autocomplete=off><label>Verdict <select id=verdict>{verdicts}</select></label>"
        f"<label>Rule <select id=rule>{names}</select></label>"
        f"<span><output id=shown>{len(report.entries) + len(report.unreadable)}</output> entries shown</span></form>"
    )


def _entry(item: EntryReport, evidence: Entry | None) -> str:
    told = [finding for finding in item.findings if finding.status != "skip"]
    rules = " ".join(sorted({finding.rule for finding in told}))
    notes = "".join(f"<p class=note>{_html(note)}</p>" for note in item.notes)
    picture = (
        f"<div class=picture>{entry_svg(evidence, item)}</div>" if evidence is not None else ""
    )
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
    head = "".join(
        f"<th>{name}</th>"
        for name in ("Status", "Rule", "Where", "Got", "Expected", "Remedy", "Clause")
    )
    return f"<table class=findings><tr>{head}</tr>{rows}</table>" + (
        f"<p class=note>and {more} more</p>" if more > 0 else ""
    )


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
