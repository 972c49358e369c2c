"""Read digits with the committee that digits-training makes; LoadGen sends the queries."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "digits-training"))

from digits import Committee, load


class Model:
    """The committee of a checkpoint, over the test images. path, sha256: of the checkpoint,
    which must agree"""

    def __init__(self, path: str, sha256: str) -> None:
        found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        if found != sha256:
            raise ValueError(f"the checkpoint has SHA-256 {found}, expected {sha256}")
        self.committee, self.test = Committee.load(Path(path)), load().test
        self.count = len(self.test.labels)
        self.identity = {"checkpoint_sha256": sha256, "members": len(self.committee.members)}

    def load(self, indices: Sequence[int]) -> None:
        """The images are in memory."""

    def predict(self, indices: Sequence[int]) -> NDArray[np.int32]:
        """The digit of each image, int32, shape (n,)."""
        return self.committee.predict(self.test.images[indices]).astype(np.int32)

    def correct(self, index: int, answer: int) -> bool:
        """Whether an answer is right."""
        return int(self.test.labels[index]) == answer
