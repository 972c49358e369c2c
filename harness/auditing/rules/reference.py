"""rules.md, written from the rules and the rulebooks: `python -m harness.auditing.rules.reference` prints it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from harness.auditing.rules import RULES
from harness.auditing.rules.base import Rule
from harness.auditing.rules.rulebook import alike

PREFACE = """\
# Rules

Written by `python -m harness.auditing.rules.reference`; edit the rule or its rulebook, not this file.

`joulemark audit` applies every rule of a round to every entry. A rule sees evidence and limits, nothing else, and
yields findings: where, what was got, what was expected, how to mend it, and the clause that demands it. A rule that
yields nothing has passed.

| Status | Meaning |
|---|---|
| `fail` | the rule is breached: the entry is invalid |
| `warn` | worth a question; the verdict does not change |
| `skip` | the rule could not be applied, with the reason |
| `error` | the rule itself broke; it says nothing of the entry, and hides no other rule |

| Verdict | When |
|---|---|
| `invalid` | at least one `fail` |
| `unjudged` | no `fail`, but at least one `error`; also what cannot be read at all |
| `valid` | neither; warnings may remain |

**Rounds.** Limits are data: one rulebook for each round, in `harness/auditing/rules/rulebooks/`, which may be based on that of
another round and state only what differs. An entry is judged by the round it states; where that has none, by the
nearest of its family by number; where it states none, by the newest, and a note says so. What a round accepts by name
(tools, meters) then only warns. `--round` demands one. A new round is a new file, so an old entry keeps its verdict.

**Severity.** The rulebook says what a breach is: `fail` or `warn`. A milder case of a rule is a `warn` by the rule
itself. A rule that a rulebook does not name does not hold in that round.

**Exit codes.** 0 all entries are valid; 1 at least one is invalid; 2 wrong usage, or nothing could be read; 3 none is
invalid, but at least one is unjudged; 130 interrupted.
"""


def reference() -> str:
    """The text of rules.md."""
    index = [f"- [{rule.title}](#{rule.id}) `{rule.id}`" for rule in RULES]
    return "\n".join([PREFACE, *index, "", *(_section(rule) for rule in RULES)])


def _section(rule: Rule) -> str:
    paragraphs = [
        f"**Why.** {rule.why}",
        f"**Evidence.** {rule.evidence}",
        f"**Remedy.** {rule.remedy}",
    ]
    why, *others = [textwrap.fill(text, 118, break_long_words=False) for text in paragraphs]
    table = ["| Round | A breach is | Limits | Clause |", "|---|---|---|---|", *_rows(rule)]
    return "\n".join(
        [f"## {rule.id}", "", f"{rule.title}.", "", why, "", *table, "", "\n\n".join(others), ""]
    )


def _rows(rule: Rule) -> Iterator[str]:
    for name, settings in alike(lambda rules: rules.get(rule.id)):
        if settings is None:
            yield f"| {name} | not applied | | |"
            continue
        limits = "<br>".join(
            [_limit(limit, item) for limit, item in (settings.get("limits") or {}).items()]
            + [
                f"`{kind}` {', '.join(texts) or '(no list)'}"
                for kind, texts in (settings.get("accepts") or {}).items()
            ]
        )
        yield f"| {name} | `{settings['severity']}` | {limits} | {settings['clause']} |"


def _limit(name: str, item: dict[str, object]) -> str:
    why = f" ({item['why']})" if item.get("why") else ""
    return f"`{name}` {item['value']:g} {item['unit']}{why}"


if __name__ == "__main__":
    print(reference(), end="")
