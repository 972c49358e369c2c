"""joulemark: energy benchmark harness for machine learning.

The public functions are those of `harness.api`: `read`, `score`, `audit`, `rank`, `compare`,
`board`, `import_tree` and `measure`. They are loaded at first use, so `import harness` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import audit, board, compare, import_tree, measure, rank, read, score

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "audit",
    "board",
    "compare",
    "import_tree",
    "measure",
    "rank",
    "read",
    "score",
]


def __getattr__(name: str) -> Any:
    """Load a public function at its first use."""
    if name not in __all__:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module("harness.api"), name)


def __dir__() -> list[str]:
    """List the public names, whether loaded or not."""
    return sorted({*globals(), *__all__})
