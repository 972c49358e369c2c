"""Results and audit reports for the terminal."""

from __future__ import annotations

from harness.formats.load import Import
from harness.render.escape import plain


def import_text(done: Import) -> str:
    """Report what an import wrote, and what it could not use and why."""
    lines = [
        f"{len(item.runs):>3} run directories  {plain(item.entry.id)}" for item in done.imported
    ]
    for item in done.imported:
        lines += [f"    {d.code}: {plain(d.where)}: {plain(d.got)}" for d in item.entry.defects]
    lines += [f"  unreadable  {plain(path)}: {plain(reason)}" for path, reason in done.unreadable]
    lines += [f"  passed over  {plain(path)}: {plain(reason)}" for path, reason in done.skipped]
    runs = sum(len(item.runs) for item in done.imported)
    lines.append(f"{len(done.imported)} entries, {runs} run directories in {plain(done.out)}")
    return "\n".join(lines) + "\n"
