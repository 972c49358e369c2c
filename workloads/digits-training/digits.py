"""The digits of scikit-learn in a fixed split, and a small network in NumPy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SPLIT_SEED = 20260101
"""Of the split, the same in every run: seeds of runs change the network, never the data."""
TRAIN, VALIDATION = 1077, 360
"""Images to learn from, and to stop by; the other 360 are the test, looked at once, when all is
trained."""
SIDE = 8
"""Images are 8 x 8 pixels, with values from 0 to 16."""


@dataclass(frozen=True)
class ImageSet:
    """Images, shape (n, 64), scaled to 0..1, and their digits, shape (n,)."""

    images: Floats
    labels: Ints


@dataclass(frozen=True)
class Digits:
    """The three parts, and the SHA-256 of all pixels and labels."""

    train: ImageSet
    validation: ImageSet
    test: ImageSet
    sha256: str


def load(expected: str | None = None) -> Digits:
    """The data set, from inside scikit-learn's wheel: nothing is fetched. expected: its SHA-256"""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    digest = hashlib.sha256(
        images.astype("<u1").tobytes() + labels.astype("<u1").tobytes()
    ).hexdigest()
    if expected and digest != expected:
        raise SystemExit(f"the digits have SHA-256 {digest}, expected {expected}")
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    scaled = (images / 16).astype(np.float32)
    parts = [
        ImageSet(scaled[at], labels[at].astype(np.int64))
        for at in np.split(order, [TRAIN, TRAIN + VALIDATION])
    ]
    return Digits(*parts, digest)


class Network:
    """A perceptron with two hidden layers, rectified; trained by stochastic gradient descent
    with momentum."""

    WIDTH = 256

    def __init__(self, rng: np.random.Generator) -> None:
        sizes = (SIDE * SIDE, self.WIDTH, self.WIDTH, 10)
        self.weights = [
            (rng.standard_normal((a, b)) * np.sqrt(2 / a)).astype(np.float32)
            for a, b in pairwise(sizes)
        ]
        self.biases = [np.zeros(b, np.float32) for b in sizes[1:]]
        self.speed = [np.zeros_like(p) for p in (*self.weights, *self.biases)]

    def layers(self, images: Floats) -> list[Floats]:
        """Activations of all layers; the last are logits, shape (n, 10)."""
        found = [images]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            found.append(found[-1] @ weight + bias)
            if weight is not self.weights[-1]:
                np.maximum(found[-1], 0, out=found[-1])
        return found

    def logits(self, images: Floats) -> Floats:
        """Scores of the ten digits, shape (n, 10)."""
        return self.layers(images)[-1]

    def step(self, images: Floats, labels: Ints, rate: float, momentum: float) -> Floats:
        """One step down the gradient of the cross entropy of a batch; return that by the logits."""
        activations = self.layers(images)
        delta = softmax(activations[-1])
        delta[np.arange(len(labels)), labels] -= 1
        delta /= len(labels)
        by_logits = delta
        weight_slopes, bias_slopes = [], []
        for depth in reversed(range(len(self.weights))):
            weight_slopes.append(activations[depth].T @ delta)
            bias_slopes.append(delta.sum(axis=0))
            if depth:
                delta = (delta @ self.weights[depth].T) * (activations[depth] > 0)
        slopes = [*reversed(weight_slopes), *reversed(bias_slopes)]
        for parameter, speed, slope in zip(
            (*self.weights, *self.biases), self.speed, slopes, strict=True
        ):
            speed *= momentum
            speed -= rate * slope
            parameter += speed
        return by_logits


def softmax(logits: Floats) -> Floats:
    """Shares of each row, in a new array."""
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def moved(images: Floats, rng: np.random.Generator) -> Floats:
    """Images shifted by up to one pixel each way, with a little noise: what a scanner does."""
    square = images.reshape(-1, SIDE, SIDE)
    padded = np.pad(square, ((0, 0), (1, 1), (1, 1)))
    rows = rng.integers(0, 3, len(images))[:, None, None] + np.arange(SIDE)[None, :, None]
    columns = rng.integers(0, 3, len(images))[:, None, None] + np.arange(SIDE)[None, None, :]
    shifted = padded[np.arange(len(images))[:, None, None], rows, columns].reshape(len(images), -1)
    return shifted + rng.normal(0, 0.05, shifted.shape).astype(np.float32)


class Committee:
    """Networks that vote with the mean of their shares."""

    def __init__(self, members: list[Network]) -> None:
        self.members = members

    def predict(self, images: Floats) -> Ints:
        """The digit of each image, shape (n,)."""
        return np.argmax(
            sum(softmax(member.logits(images)) for member in self.members), axis=1
        ).astype(np.int64)

    def accuracy(self, part: ImageSet) -> float:
        """Share of the images of a part that it reads rightly."""
        return float(np.mean(self.predict(part.images) == part.labels))

    def digest(self) -> str:
        """SHA-256 of all weights and biases."""
        parts = [
            value.tobytes()
            for member in self.members
            for value in (*member.weights, *member.biases)
        ]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def save(self, path: Path) -> str:
        """Write the weights; their SHA-256. The same weights give the same bytes."""
        arrays = {
            f"{kind}_{number}_{depth}": value
            for number, member in enumerate(self.members)
            for kind, values in (("weight", member.weights), ("bias", member.biases))
            for depth, value in enumerate(values)
        }
        np.savez(path, **arrays)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @staticmethod
    def load(path: Path) -> Committee:
        """The committee that `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            names = {name: arrays[name] for name in arrays.files}
        members = []
        for number in range(1 + max(int(name.split("_")[1]) for name in names)):
            member = Network(np.random.default_rng(0))
            member.weights = [
                names[f"weight_{number}_{depth}"] for depth in range(len(member.weights))
            ]
            member.biases = [names[f"bias_{number}_{depth}"] for depth in range(len(member.biases))]
            members.append(member)
        return Committee(members)
