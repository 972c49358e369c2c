"""The page of the models, and that of each benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.ranking.question_sets import question_sets
from harness.render.terminal.question_sets import (
    HEAD,
    LEGEND,
    has_front,
    set_cells,
    set_facts,
    set_name,
)
from harness.site.entries import Site
from harness.site.index_page import table_facts, table_heading, table_id
from harness.site.plots.tables import table_figures

# Models of LLM endpoints


def models_context(site: Site) -> dict[str, Any]:
    """Return what the template of the models' page needs; no sets where no endpoint is."""
    pages = {id(entry.row): entry.page for entry in site.entries}
    sets = []
    for questions in question_sets([table for table, _ in site.tables]):
        rows = [
            {
                "page": pages[id(row.row)],
                "cells": [_model_cell(text) for text in set_cells(row)[:-1]],
                "verdict": row.row.verdict,
                "reasons": ", ".join(row.row.reasons),
            }
            for row in questions.rows
        ]
        notes = LEGEND if has_front(questions) else ()
        facts = " · ".join(set_facts(questions))
        sets.append({"title": set_name(questions), "facts": facts, "rows": rows, "notes": notes})
    return {"head": HEAD, "sets": sets}


def _model_cell(text: str) -> tuple[str, str]:
    """Return a cell as a value, and what stands in brackets or in small print below it."""
    value, bracket, interval = text.partition(" [")
    if bracket:
        return value, interval.removesuffix("]").replace(", ", "–")
    value, _, remark = text.partition(" (")
    value, _, total = value.partition(" of ")
    note = remark.removesuffix(")") or (total and f"of {total}")
    return "–" if value == "-" else value, note


# Benchmarks


def benchmark_context(site: Site, name: str) -> dict[str, Any]:
    """Return what the template of a benchmark's page needs.

    Args:
        site: The site.
        name: Name of the page.
    """
    on_page = [(table, entries) for table, entries in site.tables if entries[0].benchmark == name]
    tables: list[Mapping[str, Any]] = [
        {
            "id": table_id(table),
            "title": table_heading(table),
            "facts": table_facts(table),
            "figures": table_figures(entries),
        }
        for table, entries in on_page
    ]
    first = on_page[0][0]
    return {
        "heading": first.benchmark,
        "task": first.task.capitalize(),
        "tables": tables,
        "count": sum(len(entries) for _, entries in on_page),
    }
