"""Routed experts: sixteen small networks, of which one predicts each byte.

A hidden layer that all share reads the embeddings of the bytes before. A linear router scores
the experts by it. The best one alone computes, and its scores are weighted with the router's
probability for it (Fedus et al. 2021, "Switch Transformers", with their loss that keeps the load
even).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from adam import Adam
from layers import normal, summed_by_symbol
from numpy.typing import NDArray
from prediction import SYMBOLS, Bytes, Costs, Floats, loss_gradient, normalise

BALANCE = 0.01
"""Weight of the loss that keeps the load of the experts even."""


class Routing(NamedTuple):
    """Which expert predicts which byte.

    Attributes:
        probabilities: The router's, shape (n, experts).
        order: Bytes sorted by expert, shape (n,).
        bounds: Where each expert's bytes begin in that order, and the end, shape (experts + 1,).
        chosen: Expert of each byte, shape (n,).
    """

    probabilities: Floats
    order: NDArray[np.int64]
    bounds: NDArray[np.int64]
    chosen: NDArray[np.int64]


class Routed:
    """A mixture of experts, the best one for each byte.

    Args:
        rng: Source of the initial weights.
        context: Bytes that it looks at.
        embedding: Numbers that stand for a byte.
        trunk: Hidden units that all experts share.
        width: Hidden units of each expert.
        experts: Number of experts.
        rate: Largest step size of Adam.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        context: int,
        embedding: int,
        trunk: int,
        width: int,
        experts: int,
        rate: float,
    ) -> None:
        self.context, self.embedding, self.experts = context, embedding, experts
        inputs = context * embedding
        self.table = normal(rng, (SYMBOLS, embedding), 0.5)
        self.trunk = normal(rng, (inputs, trunk), math.sqrt(2 / inputs))
        self.trunk_bias = np.zeros(trunk, np.float32)
        self.router = normal(rng, (trunk, experts), math.sqrt(1 / trunk))
        self.first = normal(rng, (experts, trunk, width), math.sqrt(2 / trunk))
        self.first_bias = np.zeros((experts, width), np.float32)
        self.second = normal(rng, (experts, width, SYMBOLS), math.sqrt(0.1 / width))
        self.second_bias = np.zeros((experts, SYMBOLS), np.float32)
        self.parameters = [
            self.table,
            self.trunk,
            self.trunk_bias,
            self.router,
            self.first,
            self.first_bias,
            self.second,
            self.second_bias,
        ]
        self.optimiser = Adam(self.parameters, rate)

    @property
    def costs(self) -> Costs:
        """What the experts are made of; each byte reads the router and one expert."""
        parameters = sum(values.size for values in self.parameters)
        of_experts = self.first.size + self.second.size
        multiplied = self.trunk.size + self.router.size + of_experts // self.experts
        biases = (self.first_bias.size + self.second_bias.size) // self.experts
        biases += self.trunk_bias.size
        inputs = len(self.trunk)
        trunk, width = self.first.shape[1:]
        return Costs(
            parameters=parameters,
            state_bytes=3 * 4 * parameters,
            rows_touched=self.context + inputs + 2 * trunk + width,
            parameters_touched=inputs + multiplied + biases,
            flops_inference=2 * multiplied,
            flops_training=6 * multiplied,
        )

    def logits(self, contexts: Bytes) -> Floats:
        """Return the scores of the next byte, shape (n, 256)."""
        inputs = self._inputs(contexts)
        routing = self.route(inputs)
        return self._forward(inputs, routing)[2]

    def _embedded(self, contexts: Bytes) -> Floats:
        embedded: Floats = self.table[contexts].reshape(len(contexts), -1)
        return embedded

    def _inputs(self, contexts: Bytes) -> Floats:
        """Return the shared hidden units, which router and experts read."""
        units: Floats = self._embedded(contexts) @ self.trunk
        units += self.trunk_bias
        np.maximum(units, 0, out=units)
        return units

    def route(self, inputs: Floats) -> Routing:
        """Choose the best expert for each byte."""
        probabilities = normalise(inputs @ self.router)
        chosen = probabilities.argmax(axis=1)
        order = np.argsort(chosen.astype(np.uint8), kind="stable")
        bounds = np.searchsorted(chosen[order], np.arange(self.experts + 1))
        return Routing(probabilities, order, bounds, chosen)

    def _forward(
        self, inputs: Floats, routing: Routing
    ) -> tuple[list[Floats], list[Floats], Floats]:
        """Return each expert's hidden units and ungated scores, and the scores of all bytes."""
        scores = np.empty((len(inputs), SYMBOLS), np.float32)
        hidden_units, ungated = [], []
        for expert in range(self.experts):
            places = routing.order[routing.bounds[expert] : routing.bounds[expert + 1]]
            hidden = inputs[places] @ self.first[expert]
            hidden += self.first_bias[expert]
            np.maximum(hidden, 0, out=hidden)
            output = hidden @ self.second[expert]
            output += self.second_bias[expert]
            hidden_units.append(hidden)
            ungated.append(output)
            scores[places] = output * routing.probabilities[places, expert, None]
        return hidden_units, ungated, scores

    def gradients(self, contexts: Bytes, targets: Bytes) -> list[Floats]:
        """Return the gradients of mean cross entropy plus balance, in the order of parameters."""
        count = len(targets)
        inputs = self._inputs(contexts)
        routing = self.route(inputs)
        hidden_units, ungated, scores = self._forward(inputs, routing)
        delta = loss_gradient(scores, targets)
        delta /= count

        slopes = [np.zeros_like(values) for values in self.parameters]
        (
            _,
            by_trunk,
            by_trunk_bias,
            by_router,
            by_first,
            by_first_bias,
            by_second,
            by_second_bias,
        ) = slopes
        by_inputs = np.empty_like(inputs)
        by_gate = np.empty(count, np.float32)
        for expert in range(self.experts):
            places = routing.order[routing.bounds[expert] : routing.bounds[expert + 1]]
            hidden, delta_here = hidden_units[expert], delta[places]
            by_gate[places] = np.einsum("ij,ij->i", delta_here, ungated[expert])
            delta_here *= routing.probabilities[places, expert, None]
            by_second[expert] = hidden.T @ delta_here
            by_second_bias[expert] = delta_here.sum(axis=0)
            by_hidden = delta_here @ self.second[expert].T
            by_hidden *= hidden > 0
            by_first[expert] = inputs[places].T @ by_hidden
            by_first_bias[expert] = by_hidden.sum(axis=0)
            by_inputs[places] = by_hidden @ self.first[expert].T

        by_scores = self._router_slopes(routing, by_gate)
        by_router[:] = inputs.T @ by_scores
        by_inputs += by_scores @ self.router.T
        by_inputs *= inputs > 0
        by_trunk[:] = self._embedded(contexts).T @ by_inputs
        by_trunk_bias[:] = by_inputs.sum(axis=0)
        by_embedded = by_inputs @ self.trunk.T
        slopes[0] = summed_by_symbol(contexts, by_embedded.reshape(-1, self.embedding))
        return slopes

    def _router_slopes(self, routing: Routing, by_gate: Floats) -> Floats:
        """Return the gradient by the router's scores: of the gates, and of the uneven load."""
        probabilities, chosen = routing.probabilities, routing.chosen
        count = len(chosen)
        load = np.diff(routing.bounds) / count
        by_probability = np.broadcast_to(
            (BALANCE * self.experts / count * load).astype(np.float32), probabilities.shape
        ).copy()
        by_probability[np.arange(count), chosen] += by_gate
        inner = np.einsum("ij,ij->i", by_probability, probabilities)
        slopes: Floats = probabilities * (by_probability - inner[:, None])
        return slopes

    def step(self, contexts: Bytes, targets: Bytes, progress: float) -> None:
        """Learn from a batch."""
        self.optimiser.step(self.gradients(contexts, targets), progress)


def make(rng: np.random.Generator, settings: Mapping[str, Any]) -> Routed:
    """Return experts with some settings."""
    names = ("context", "embedding", "trunk", "width", "experts")
    sizes = {name: int(settings[name]) for name in names}
    return Routed(rng, **sizes, rate=float(settings["rate"]))
