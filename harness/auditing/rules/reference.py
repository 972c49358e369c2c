"""Write rules.md and the page of each round from the rules and the rulebooks.

``python -m harness.auditing.rules.reference`` prints rules.md, and with the name of a round what
each rule means in that round.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules import RULES
from harness.auditing.rules.base import Rule
from harness.auditing.rules.rulebook import (
    describe_rounds,
    family_of_round,
    limit_text,
    rounds,
    rulebook,
)

TEXT_WIDTH = 118
OUTCOMES = {
    "fail": "fails",
    "question": "is questioned",
    "warn": "warns",
    "off": "not applied",
}
"""What a violation does to an entry, by the severity of its rule."""

PREFACE = """\
# Rules

Written by `python -m harness.auditing.rules.reference`; edit the rule or its rulebook, not this file.

`joulemark audit` applies every rule of a round to every entry. A rule sees the evidence and the limits of the round,
nothing else, and yields findings: where, what was found, what was expected, how to mend it, and the clause that
demands it. A rule that yields nothing has passed.

| Status | Meaning |
|---|---|
| `fail` | the entry violates the rule and is invalid |
| `warn` | the entry is questioned, or the finding is worth a look and does not change the verdict |
| `skip` | the rule could not be applied, with the reason |
| `error` | the rule itself broke; this says nothing about the entry, and hides no other rule |

| Verdict | When |
|---|---|
| `invalid` | it fails a check that its round enforced, or its evidence contradicts itself |
| `unjudged` | no rule failed, but at least one broke; also whatever cannot be read at all |
| `questioned` | it breaks written text that the checks of its round let pass, or is physically doubtful; ranked with a mark |
| `valid` | none of these; warnings may remain |

**Rounds.** Limits are data: one rulebook for each round, in `harness/auditing/rules/rulebooks/`, which may be based on
the rulebook of another round and state only what differs. A rulebook states what its round enforced, by which clause,
commit and date, so a later rule never fails an older result. An entry is judged by the round it states; where that
has no rulebook, by the nearest of its family by number, and if it is newer, provisionally; where it states none, by
the newest, and a note says so. Tools and meters that a round accepts by name then only warn. `--round` demands one.

**Severity.** The rulebook says what a violation means: `fail`, `question` or `warn`; `off` says that the round has no
such rule. A milder case of a rule is marked so by the rule itself.

**Exit codes.** 0 no entry is invalid or unjudged; 1 at least one is invalid; 2 wrong usage, or nothing could be read;
3 none is invalid, but at least one is unjudged; 130 interrupted.
"""


def reference() -> str:
    """Return the text of rules.md."""
    index = [f"- [{rule.title}](#{rule.id}) `{rule.id}`" for rule in RULES]
    sections = [_section(rule) for rule in RULES]
    return "\n".join([PREFACE, *index, "", *sections])


def _section(rule: Rule) -> str:
    why, evidence, remedy = (
        fill_lines(text, TEXT_WIDTH)
        for text in (
            f"**Why.** {rule.why}",
            f"**Evidence.** {rule.evidence}",
            f"**Remedy.** {rule.remedy}",
        )
    )
    table = ["| Round | A violation | Limits | Clause |", "|---|---|---|---|", *_rows(rule)]
    head = [f"## {rule.id}", "", f"{rule.title}.", "", why, ""]
    return "\n".join([*head, *table, "", evidence, "", remedy, ""])


def fill_lines(text: str, width: int, indent: str = "", *, break_on_hyphens: bool = True) -> str:
    """Fill each line of a text; the lines of a list, which begin with a dash, stay apart.

    Args:
        text: The text.
        width: Length of a line, at most, where words are not longer.
        indent: Put before all lines but the first of what is no list.
        break_on_hyphens: Whether a line may end at the hyphen of a word.
    """
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent="  " if line.startswith("- ") else indent,
            break_long_words=False,
            break_on_hyphens=break_on_hyphens,
        )
        for line in text.split("\n")
    )


def _rows(rule: Rule) -> Iterator[str]:
    """Yield what each round says of a rule, without rounds of families that it does not judge."""
    for name, settings in describe_rounds(lambda rules: rules.get(rule.id)):
        if settings is not None:
            yield f"| {name} | {_cells(settings)} |"


def _cells(settings: Mapping[str, Any]) -> str:
    """Return severity, limits and clause as cells of a row; a rule that is off has no limits."""
    severity = settings["severity"]
    limits = "" if severity == "off" else "<br>".join(_limits(settings))
    return f"{OUTCOMES[severity]} | {limits} | {settings['clause']}"


def _limits(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, limit in (settings.get("limits") or {}).items():
        why = f" ({limit['why']})" if limit.get("why") else ""
        yield f"`{name}` {limit_text(limit)}{why}"
    for name, texts in (settings.get("accepts") or {}).items():
        yield f"`{name}` {', '.join(texts) or '(no list)'}"


def round_page(round_name: str) -> str:
    """Return what each rule means in a round: fails, is questioned, warns, by which clause."""
    book = rulebook(round_name)
    lines = [
        f"## {round_name}",
        "",
        f"{book['title']}. Sources: {book['source']}.",
        "",
        "| Rule | A violation | Limits | Clause |",
        "|---|---|---|---|",
    ]
    for rule in RULES:
        settings = book["rules"].get(rule.id)
        if settings is not None:
            lines.append(f"| `{rule.id}` | {_cells(_without_hashes(settings))} |")
    return "\n".join([*lines, ""])


def _without_hashes(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings whose lists of hashes are left to rules.md."""
    accepts = settings.get("accepts") or {}
    short = {name: texts for name, texts in accepts.items() if name != "sources"}
    return {**settings, "accepts": short}


def round_pages() -> str:
    """Return the pages of all rounds, family by family."""
    by_family = sorted(rounds(), key=lambda name: (family_of_round(name), name))
    return "\n".join(round_page(name) for name in by_family)


if __name__ == "__main__":
    print(round_page(sys.argv[1]) if len(sys.argv) > 1 else reference(), end="")
