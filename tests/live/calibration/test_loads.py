"""Loads of processors and of graphics boards; a stand-in takes the place of PyTorch."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.live.calibration.loads import (
    processor_count,
    work_on_board,
    work_on_processor,
    workers,
)


class Torch:
    """What the load uses of PyTorch: it notes what is done on which board."""

    float16 = "float16"

    def __init__(self, boards: int) -> None:
        self.calls: list[str] = []
        self.worked = threading.Event()
        self.cuda = SimpleNamespace(
            is_available=lambda: boards > 0,
            device_count=lambda: boards,
            synchronize=self.synchronize,
        )

    def device(self, kind: str, number: int) -> str:
        return f"{kind}:{number}"

    def ones(self, shape: tuple[int, int], dtype: str, device: str) -> str:
        self.calls.append(f"ones {shape[0]} {dtype} {device}")
        return device

    def matmul(self, one: str, other: str) -> None:
        self.calls.append(f"matmul {one} {other}")

    def synchronize(self, device: str) -> None:
        self.calls.append(f"synchronize {device}")
        self.worked.set()


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def make(count: int) -> Torch:
        torch = Torch(count)
        monkeypatch.setitem(sys.modules, "torch", torch)
        return torch

    return make  # type: ignore[return-value]


def test_a_board_multiplies_while_it_is_told_to(boards: Any) -> None:
    torch = boards(2)
    work, end = threading.Event(), threading.Event()
    worker = threading.Thread(target=work_on_board, args=(1, work, end))
    worker.start()
    assert not torch.worked.is_set()
    work.set()
    assert torch.worked.wait(10)
    end.set()
    worker.join(10)
    assert not worker.is_alive()
    assert torch.calls[:2] == ["ones 4096 float16 cuda:1", "matmul cuda:1 cuda:1"]
    assert torch.calls[-1] == "synchronize cuda:1"


def test_each_processor_and_each_board_has_a_worker(boards: Any) -> None:
    boards(3)
    assert workers("cpu") == [(work_on_processor, ())] * processor_count()
    assert workers("gpu") == [(work_on_board, (number,)) for number in range(3)]
    assert workers("both") == workers("cpu") + workers("gpu")


def test_without_boards_or_pytorch_the_remedy_is_named(
    boards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards(0)
    with pytest.raises(UsageError, match="finds no graphics board"):
        workers("gpu")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match="pip install torch, or take --load cpu"):
        workers("both")
    with pytest.raises(UsageError, match="no such load"):
        workers("fans")
