"""Detect file types with Magika's network, over files of this Python installation.

LoadGen sends the queries.
"""

from __future__ import annotations

import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

KINDS = {
    ".py": ("python",),
    ".pyc": ("pythonbytecode",),
    ".so": ("elf",),
    ".exe": ("pebin",),
    ".html": ("html",),
    ".css": ("css",),
    ".c": ("c", "cpp"),
    ".png": ("png",),
    ".gif": ("gif",),
    ".wav": ("wav",),
    ".whl": ("zip",),
    ".zip": ("zip",),
    ".toml": ("toml",),
    ".csv": ("csv",),
    ".json": ("json",),
    ".npy": ("npy",),
    ".gz": ("gzip",),
    ".xml": ("xml",),
    ".rst": ("rst",),
}
"""Suffix of a file, and what the network may call it: the label."""
PER_KIND, FEWEST = 24, 64
"""Files of each kind at most, and files in all at least."""
SMALLEST, BLOCK, PART, PADDING = 64, 4096, 1024, 256
"""Bytes of the smallest file taken; bytes read at each end, kept of it, and the token for none
(Magika 1.0)."""


class Model:
    """The network of the package `magika`, run by onnxruntime on one thread."""

    def __init__(self) -> None:
        folder = files("magika") / "models" / "standard_v3_3"
        weights = (folder / "model.onnx").read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            weights, options, providers=["CPUExecutionProvider"]
        )
        self.names = json.loads((folder / "config.min.json").read_text("utf-8"))[
            "target_labels_space"
        ]
        self.paths = list(chosen())
        self.count = len(self.paths)
        if self.count < FEWEST:
            raise ValueError(
                f"this Python installation has {self.count} files of known kinds, expected {FEWEST}"
            )
        self.features = np.zeros((self.count, 2 * PART), np.int32)
        digest = hashlib.sha256(
            b"".join(hashlib.sha256(path.read_bytes()).digest() for path in self.paths)
        )
        self.identity = {
            "model_sha256": hashlib.sha256(weights).hexdigest(),
            "data_sha256": digest.hexdigest(),
        }

    def load(self, indices: Sequence[int]) -> None:
        """Read files, and keep the bytes that the network looks at."""
        for index in indices:
            self.features[index] = features(self.paths[index].read_bytes())

    def predict(self, indices: Sequence[int]) -> NDArray[np.int32]:
        """Number of the label of each file, int32, shape (n,)."""
        (scores,) = self.session.run(None, {"bytes": self.features[indices]})
        return np.argmax(scores, axis=1).astype(np.int32)

    def correct(self, index: int, answer: int) -> bool:
        """Whether an answer is one of those its suffix allows."""
        return self.names[answer] in KINDS[self.paths[index].suffix]


def chosen() -> Iterator[Path]:
    """Files of the standard library and of installed packages: the first of each kind in the
    order of a hash."""
    roots = [Path(sysconfig.get_paths()[name]) for name in ("stdlib", "purelib")]
    found: dict[str, list[Path]] = {suffix: [] for suffix in KINDS}
    for path in sorted(
        {path for root in roots for path in root.rglob("*") if path.suffix in KINDS}
    ):
        if path.is_file() and not path.is_symlink() and path.stat().st_size >= SMALLEST:
            found[path.suffix].append(path)
    for suffix in KINDS:
        ranked = sorted(found[suffix], key=lambda path: hashlib.sha256(path.name.encode()).digest())
        yield from ranked[:PER_KIND]


def features(content: bytes) -> NDArray[np.int32]:
    """The network's input: 1024 tokens of the begin and of the end, white space stripped, padded
    with 256."""
    size = min(BLOCK, len(content))
    begin, end = content[:size].lstrip()[:PART], content[-size:].rstrip()[-PART:]
    tokens = np.full(2 * PART, PADDING, np.int32)
    tokens[: len(begin)] = np.frombuffer(begin, np.uint8)
    tokens[2 * PART - len(end) :] = np.frombuffer(end, np.uint8)
    return tokens


if __name__ == "__main__":
    sys.exit("This file is asked by LoadGen: joulemark run file-type-detection")
