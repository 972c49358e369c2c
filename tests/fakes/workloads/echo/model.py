"""A model that is always right, at once."""

import numpy as np


class Model:
    count = 64

    def __init__(self):
        self.identity = {"model_sha256": "ab" * 32}

    def load(self, indices):
        self.loaded = set(indices)

    def predict(self, indices):
        if not self.loaded.issuperset(indices):
            raise LookupError("asked for a sample that was not loaded")
        return np.array(indices, np.int32) * 3

    def correct(self, index, answer):
        return answer == index * 3
