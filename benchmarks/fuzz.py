"""Fuzz one parser, guided by coverage, outside CI (extra `fuzz`).

    python -m benchmarks.fuzz PARSER --seconds 600

The targets are those of tests/hostile/test_fuzz.py, driven by Atheris. A fault is printed with its
traceback, and its input is written to --out, to become a regression test. A long time is divided
into rounds, one process each, which share what they learnt: under Atheris a process grows by up to
0.3 MB an input, of which the harness keeps 0.1 KiB (docs/explanation/security.md).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from random import Random
from types import ModuleType

ROUND_S = 60
"""A round is short enough that what Atheris keeps of each input stays below MEMORY_MIB."""
SLOW_S = 20
"""An input that takes longer is a fault: valid ones take 0.03 s."""
MEMORY_MIB = 2048


def main() -> int:
    """Fuzz one parser; ends with 0 when the time is over, 1 after a round that met a fault, 2
    for no such parser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("parser")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, default=Path("out/fuzz"), help="folder for inputs that meet a fault"
    )
    parser.add_argument(
        "--corpus", type=Path, help="one round: inputs that it begins with, and adds to"
    )
    given = parser.parse_args()
    if given.corpus:
        return _round(given)
    _atheris()
    with tempfile.TemporaryDirectory() as corpus:
        for nth in range(-(-given.seconds // ROUND_S)):
            seconds = min(ROUND_S, given.seconds - nth * ROUND_S)
            ended = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.fuzz",
                    given.parser,
                    f"--seconds={seconds}",
                    f"--seed={given.seed + nth}",
                    f"--out={given.out}",
                    f"--corpus={corpus}",
                ],
                check=False,
            )
            if ended.returncode:
                return 2 if ended.returncode == 2 else 1
    return 0


def _round(given: argparse.Namespace) -> int:
    atheris = _atheris()
    with atheris.instrument_imports(include=["harness"], enable_loader_override=False):
        from tests.hostile.mutations import mutate
        from tests.hostile.targets import PARSERS, target
    if given.parser not in PARSERS:
        print(
            f"no such parser: {given.parser}; expected one of {', '.join(PARSERS)}", file=sys.stderr
        )
        return 2
    warnings.simplefilter("error")
    valid, read = target(given.parser)
    given.out.mkdir(parents=True, exist_ok=True)

    def change(content: bytes, largest: int, seed: int) -> bytes:
        """Half by what formats look like, half by bytes."""
        if Random(seed).random() < 0.5:
            return bytes(atheris.Mutate(content, largest))
        return mutate(content or valid, seed)[:largest]

    Path(given.corpus, "valid").write_bytes(valid)
    atheris.Setup(
        [
            sys.argv[0],
            str(given.corpus),
            f"-max_total_time={given.seconds}",
            f"-seed={given.seed}",
            f"-timeout={SLOW_S}",
            f"-rss_limit_mb={MEMORY_MIB}",
            f"-max_len={4 * len(valid)}",
            "-print_final_stats=1",
            f"-artifact_prefix={given.out}/{given.parser}-",
        ],
        read,
        custom_mutator=change,
    )
    atheris.Fuzz()
    return 0


def _atheris() -> ModuleType:
    try:
        import atheris
    except ImportError:
        print(
            "fuzzing needs Atheris (Linux, macOS): pip install 'joulemark[fuzz]'", file=sys.stderr
        )
        raise SystemExit(2) from None
    found: ModuleType = atheris
    return found


if __name__ == "__main__":
    sys.exit(main())
