"""The models of the bytes workloads: gradients, lazy state, routing, and what they cost."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.workloads.bytes_task import load

prediction = load("prediction")
adam = load("adam")
dense = load("model", "bytes-dense")
sparse = load("model", "bytes-sparse")
routed = load("model", "bytes-routed")

CONTEXT = 3


def batch(count: int = 40, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Contexts and targets of few different bytes, so that rows repeat in a batch."""
    rng = np.random.default_rng(seed)
    symbols = rng.integers(97, 103, (count, CONTEXT + 1)).astype(np.uint8)
    return symbols[:, :CONTEXT], symbols[:, CONTEXT]


def mean_loss(model: Any, contexts: np.ndarray, targets: np.ndarray) -> float:
    """The mean cross entropy [nat], in double precision."""
    logits = model.logits(contexts).astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    chosen = logits[np.arange(len(targets)), targets]
    return float((np.log(np.exp(logits).sum(axis=1)) - chosen).mean())


def in_double(parameters: list[np.ndarray]) -> list[np.ndarray]:
    return [values.astype(np.float64) for values in parameters]


def assert_slopes(
    model: Any, parameters: list[np.ndarray], slopes: list[np.ndarray], loss: Any
) -> None:
    """Compare the largest slopes of each parameter with central differences."""
    for values, slope in zip(parameters, slopes, strict=True):
        assert values.shape == slope.shape
        flat = values.reshape(-1)
        for place in np.argsort(-np.abs(slope).reshape(-1))[:3]:
            kept, step = float(flat[place]), 1e-3
            flat[place] = kept + step
            above = loss(model)
            flat[place] = kept - step
            below = loss(model)
            flat[place] = kept
            expected = (above - below) / (2 * step)
            assert slope.reshape(-1)[place] == pytest.approx(expected, rel=0.02, abs=2e-5)


def test_dense_gradients_are_those_of_finite_differences() -> None:
    model = dense.Dense(
        np.random.default_rng(1), context=CONTEXT, embedding=4, width=8, depth=2, rate=0.01
    )
    model.table, model.weights, model.biases = (
        model.table.astype(np.float64),
        in_double(model.weights),
        in_double(model.biases),
    )
    contexts, targets = batch()
    slopes = model.gradients(contexts, targets)
    parameters = [model.table, *model.weights, *model.biases]
    assert_slopes(model, parameters, slopes, lambda m: mean_loss(m, contexts, targets))


def routed_model(rate: float = 0.01) -> Any:
    return routed.Routed(
        np.random.default_rng(2),
        context=CONTEXT,
        embedding=4,
        trunk=10,
        width=8,
        experts=4,
        rate=rate,
    )


def test_routed_gradients_are_those_of_finite_differences() -> None:
    model = routed_model()
    contexts, targets = batch()

    def loss(of: Any) -> float:
        """Cross entropy, and the loss that keeps the load even at the present choices."""
        routing = of.route(of._inputs(contexts))
        load_shares = np.diff(routing.bounds) / len(targets)
        mean_probability = routing.probabilities.astype(np.float64).mean(axis=0)
        balance = routed.BALANCE * of.experts * float(load_shares @ mean_probability)
        return mean_loss(of, contexts, targets) + balance

    slopes = model.gradients(contexts, targets)
    assert_slopes(model, model.parameters, slopes, loss)


def test_each_byte_is_predicted_by_its_best_expert_alone() -> None:
    model = routed_model()
    contexts, _ = batch(60)
    inputs = model._inputs(contexts)
    routing = model.route(inputs)
    assert len(set(routing.chosen)) > 1
    assert routing.chosen.tolist() == (inputs @ model.router).argmax(axis=1).tolist()
    scores = model.logits(contexts)
    for number, expert in enumerate(routing.chosen):
        hidden = np.maximum(inputs[number] @ model.first[expert] + model.first_bias[expert], 0)
        alone = hidden @ model.second[expert] + model.second_bias[expert]
        expected = alone * routing.probabilities[number, expert]
        np.testing.assert_allclose(scores[number], expected, rtol=1e-4, atol=1e-5)


def test_lazy_adagrad_is_adagrad_over_all_rows() -> None:
    """Rows that a batch does not read have no gradient: leaving them out changes nothing."""
    model = sparse.Sparse(orders=3, bits=4, rate=0.5)
    tables = np.zeros((3, 16, 256))
    squares = np.zeros((3, 16))
    for seed in range(4):
        contexts, targets = batch(seed=seed)
        rows = [values.astype(int) for values in model.rows(contexts)]
        logits = sum(table[numbers] for table, numbers in zip(tables, rows, strict=True))
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        shares[np.arange(len(targets)), targets] -= 1
        for table, total, numbers in zip(tables, squares, rows, strict=True):
            gradient, own_squares = np.zeros_like(table), np.zeros(16)
            np.add.at(gradient, numbers, shares)
            np.add.at(own_squares, numbers, (shares**2).sum(axis=1))
            total += own_squares
            table -= (0.5 / np.sqrt(total + sparse.SMALL))[:, None] * gradient
        model.step(contexts, targets, 0.0)
    np.testing.assert_allclose(model.tables, tables, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.squares, squares, rtol=1e-4, atol=1e-6)
    assert (squares == 0).any(), "a row that no context reached"


def test_a_row_depends_on_the_last_bytes_of_its_order_alone() -> None:
    model = sparse.Sparse(orders=4, bits=12, rate=0.5)
    first, other = np.uint8([[7, 8, 9]]), np.uint8([[7, 8, 200]])
    same = [a[0] == b[0] for a, b in zip(model.rows(first), model.rows(other), strict=True)]
    assert same == [True, True, True, False]
    zeros = [model.rows(np.zeros((1, 3), np.uint8))[k][0] for k in range(4)]
    assert len(set(zeros)) == 4, "one zero byte is not two zero bytes"


def test_adam_moves_against_the_gradient_by_its_rate() -> None:
    """The first step after the warm-up has the size of the rate, whatever the gradient's."""
    values = np.float32([1.0, 1.0])
    optimiser = adam.Adam([values], 0.1)
    optimiser.steps = adam.WARM_UP_STEPS
    optimiser._means = [np.zeros(2, np.float32)]
    slopes = np.float32([4.0, -0.5])
    optimiser._means[0][:] = slopes * (1 - adam.MEAN_DECAY**adam.WARM_UP_STEPS)
    optimiser._squares[0][:] = slopes**2 * (1 - adam.SQUARE_DECAY**adam.WARM_UP_STEPS)
    optimiser.step([slopes.copy()], 0.0)
    np.testing.assert_allclose(values, [0.9, 1.1], rtol=1e-4)
    assert adam.decayed(1.0) == adam.decayed(2.0) == adam.LEAST_SHARE
    assert adam.decayed(0.5) == pytest.approx(0.51)


def test_sparse_has_more_parameters_and_reads_fewer() -> None:
    contexts, _ = batch(1)
    wide = dense.Dense(
        np.random.default_rng(1), context=8, embedding=16, width=256, depth=1, rate=0.01
    )
    tables = sparse.Sparse(orders=7, bits=15, rate=0.5)
    assert wide.costs.parameters == 256 * 16 + 128 * 256 + 256 + 256 * 256 + 256
    assert tables.costs.parameters == 7 * 2**15 * 256
    assert tables.costs.rows_touched == len(tables.rows(np.repeat(contexts, 2, axis=1))) == 7
    assert tables.costs.parameters_touched == 1792
    assert wide.costs.flops_inference == 2 * (128 * 256 + 256 * 256)
    assert routed_model().costs.flops_inference == 2 * (12 * 10 + 10 * 4 + 10 * 8 + 8 * 256)


@pytest.mark.parametrize("kind", ["dense", "sparse", "routed"])
def test_learning_lowers_the_code_length(kind: str) -> None:
    models = {
        "dense": lambda: dense.Dense(
            np.random.default_rng(1), context=CONTEXT, embedding=4, width=16, depth=1, rate=0.03
        ),
        "sparse": lambda: sparse.Sparse(orders=3, bits=8, rate=0.5),
        "routed": lambda: routed_model(rate=0.03),
    }
    model = models[kind]()
    data = np.frombuffer(b"for x in range(10):\n    print(x)\n" * 40, np.uint8)
    positions = prediction.evaluated_positions(data, 200)
    before = prediction.bits_per_byte(model, data, positions)
    contexts = prediction.contexts_at(data, np.arange(16, len(data)), model.context)
    for step in range(120):
        model.step(contexts[step::7], data[16:][step::7], 0.2)
    assert before == pytest.approx(8.0, abs=0.4)
    assert prediction.bits_per_byte(model, data, positions) < 1.5


def test_evaluation_predicts_the_same_bytes_each_time_and_none_without_context() -> None:
    data = np.arange(200, dtype=np.uint8)
    first, second = (prediction.evaluated_positions(data, 50) for _ in range(2))
    assert first.tolist() == second.tolist() == sorted(set(first.tolist()))
    assert first.min() >= prediction.MAX_CONTEXT
    assert prediction.contexts_at(data, np.array([20]), 3).tolist() == [[19, 18, 17]]
    everything = prediction.evaluated_positions(data, 10_000)
    assert len(everything) == 200 - prediction.MAX_CONTEXT


def test_code_length_is_in_bits() -> None:
    class Certain:
        """Gives the next letter of a cycle half of the probability, 255 others the rest."""

        context = 1

        def logits(self, contexts: np.ndarray) -> np.ndarray:
            scores = np.zeros((len(contexts), 256), np.float32)
            scores[np.arange(len(contexts)), contexts[:, 0] + np.uint8(1)] = np.log(255)
            return scores

    data = np.uint8([value % 256 for value in range(300)])
    positions = prediction.evaluated_positions(data)
    assert prediction.bits_per_byte(Certain(), data, positions) == pytest.approx(1.0, abs=1e-5)


def test_blocks_of_units_are_switched_off_by_image() -> None:
    blocks = load("train_blocks", "digits-sparse")
    units = np.abs(np.random.default_rng(3).standard_normal((5, 256))).astype(np.float32)
    kept = units.copy()
    blocks.keep_strongest_blocks(kept)
    for before, after in itertools.zip_longest(units, kept):
        sums = before.reshape(blocks.BLOCKS, -1).sum(axis=1)
        active = np.flatnonzero(after.reshape(blocks.BLOCKS, -1).any(axis=1))
        assert sorted(active) == sorted(np.argsort(-sums)[: blocks.ACTIVE])
        assert set(after[after != 0]) <= set(before)


def test_memory_of_the_control_adds_the_row_of_an_image_and_learns_only_that() -> None:
    memory = load("train_memory", "digits-memory")
    images = np.random.default_rng(3).random((4, 64), np.float32)
    labels = np.array([1, 2, 3, 4])
    network = memory.MemoryNetwork(np.random.default_rng(1))
    plain = memory.Network(np.random.default_rng(1))
    assert np.array_equal(network.logits(images), plain.logits(images)), "an empty memory"

    network.step(images, labels, 0.0, 0.9)  # the network itself stays as it is
    rows = memory.rows(images)
    assert sorted(set(rows)) == list(np.flatnonzero(network.table.any(axis=1)))
    assert np.allclose(network.logits(images) - plain.logits(images), network.table[rows])
    assert (network.table[rows, labels] > 0).all(), "towards the digit of the image"
    assert rows.tolist() == memory.rows(images + 1e-4).tolist(), "of dark pixels, not of shades"
