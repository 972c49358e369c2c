"""Fake machines: a text file of `path = content` lines for each, laid out as the kernel does."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def lay_out(name: str, root: Path) -> Path:
    """Write the files of one machine, like `rapl/two-sockets`, below `root`."""
    for line in (HERE / f"{name}.txt").read_text("utf-8").splitlines():
        path, equals, content = line.partition(" =")
        if equals and not line.startswith("#"):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content.strip() + "\n", "utf-8")
    root.mkdir(exist_ok=True)
    return root


def machines(kind: str) -> list[str]:
    """All fake machines of a kind."""
    return sorted(path.stem for path in (HERE / kind).glob("*.txt"))
