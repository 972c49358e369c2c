"""Fuzz one parser by coverage, outside CI: `python -m benchmarks.fuzz PARSER --seconds 600` (extra `fuzz`).

The same targets as tests/hostile/test_fuzz.py, steered by Atheris. A fault is printed with its traceback, and the bytes
that met it are written to --out; they become a regression test there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path
from random import Random
from types import ModuleType

SLOW_S = 20
"""An input that takes longer is a fault: valid ones take 0.03 s."""
MEMORY_MIB = 2048


def main() -> int:
    """Fuzz one parser; ends with 0 when the time is over, and otherwise at the first fault."""
    atheris = _atheris()
    with atheris.instrument_imports(include=["harness"], enable_loader_override=False):
        from tests.hostile.mutations import mutate
        from tests.hostile.targets import PARSERS, target
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("parser", choices=PARSERS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/fuzz"), help="folder for inputs that meet a fault")
    given = parser.parse_args()
    warnings.simplefilter("error")
    valid, read = target(given.parser)
    given.out.mkdir(parents=True, exist_ok=True)

    def change(content: bytes, largest: int, seed: int) -> bytes:
        """Half by what formats look like, half by bytes."""
        if Random(seed).random() < 0.5:
            return bytes(atheris.Mutate(content, largest))
        return mutate(content or valid, seed)[:largest]

    with tempfile.TemporaryDirectory() as corpus:
        Path(corpus, "valid").write_bytes(valid)
        atheris.Setup(
            [sys.argv[0], corpus, f"-max_total_time={given.seconds}", f"-seed={given.seed}", f"-timeout={SLOW_S}",
             f"-rss_limit_mb={MEMORY_MIB}", f"-max_len={4 * len(valid)}", "-print_final_stats=1",
             f"-artifact_prefix={given.out}/{given.parser}-"],
            read,
            custom_mutator=change,
        )  # fmt: skip
        atheris.Fuzz()
    return 0


def _atheris() -> ModuleType:
    try:
        import atheris
    except ImportError:
        print("fuzzing needs Atheris (Linux, macOS): pip install 'joulemark[fuzz]'", file=sys.stderr)
        raise SystemExit(2) from None
    found: ModuleType = atheris
    return found


if __name__ == "__main__":
    sys.exit(main())
