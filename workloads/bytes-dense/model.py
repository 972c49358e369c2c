"""The dense network: every parameter takes part in every byte."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from adam import Adam
from layers import normal, summed_by_symbol
from prediction import SYMBOLS, Bytes, Costs, Floats, loss_gradient


class Dense:
    """Embeddings of the bytes before, one or more hidden layers, and a score for each byte.

    Args:
        rng: Source of the initial weights.
        context: Bytes that it looks at.
        embedding: Numbers that stand for a byte.
        width: Units of each hidden layer.
        depth: Hidden layers.
        rate: Largest step size of Adam.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        context: int,
        embedding: int,
        width: int,
        depth: int,
        rate: float,
    ) -> None:
        self.context, self.embedding = context, embedding
        sizes = [context * embedding, *[width] * depth, SYMBOLS]
        self.table = normal(rng, (SYMBOLS, embedding), 0.5)
        self.weights = [
            normal(rng, (rows, columns), math.sqrt((2 if layer < depth else 0.1) / rows))
            for layer, (rows, columns) in enumerate(pairwise(sizes))
        ]
        self.biases = [np.zeros(columns, np.float32) for columns in sizes[1:]]
        self.optimiser = Adam([self.table, *self.weights, *self.biases], rate)

    @property
    def costs(self) -> Costs:
        """What the network is made of; each byte reads all of it but the other bytes' rows."""
        matrix_parameters = sum(weight.size for weight in self.weights)
        biases = sum(bias.size for bias in self.biases)
        parameters = self.table.size + matrix_parameters + biases
        touched = self.context * self.embedding + matrix_parameters + biases
        return Costs(
            parameters=parameters,
            state_bytes=3 * 4 * parameters,
            rows_touched=self.context + sum(len(weight) for weight in self.weights),
            parameters_touched=touched,
            flops_inference=2 * matrix_parameters,
            flops_training=6 * matrix_parameters,
        )

    def logits(self, contexts: Bytes) -> Floats:
        """Return the scores of the next byte, shape (n, 256)."""
        return self._layers(contexts)[-1]

    def _layers(self, contexts: Bytes) -> list[Floats]:
        """Return the activations of all layers; the first are embeddings, the last scores."""
        layers = [self.table[contexts].reshape(len(contexts), -1)]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            values = layers[-1] @ weight
            values += bias
            if weight is not self.weights[-1]:
                np.maximum(values, 0, out=values)
            layers.append(values)
        return layers

    def gradients(self, contexts: Bytes, targets: Bytes) -> list[Floats]:
        """Return the gradients of the mean cross entropy by table, weights and biases."""
        layers = self._layers(contexts)
        delta = loss_gradient(layers[-1], targets)
        delta /= len(targets)
        by_weight: list[Floats] = []
        by_bias: list[Floats] = []
        for depth in reversed(range(len(self.weights))):
            by_weight.insert(0, layers[depth].T @ delta)
            by_bias.insert(0, delta.sum(axis=0))
            delta = delta @ self.weights[depth].T
            if depth:
                delta *= layers[depth] > 0
        by_table = summed_by_symbol(contexts, delta.reshape(-1, self.embedding))
        return [by_table, *by_weight, *by_bias]

    def step(self, contexts: Bytes, targets: Bytes, progress: float) -> None:
        """Learn from a batch."""
        self.optimiser.step(self.gradients(contexts, targets), progress)


def make(rng: np.random.Generator, settings: Mapping[str, Any]) -> Dense:
    """Return a network with some settings."""
    names = ("context", "embedding", "width", "depth")
    sizes = {name: int(settings[name]) for name in names}
    return Dense(rng, **sizes, rate=float(settings["rate"]))
