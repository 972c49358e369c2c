"""The progress line moves even when no step is finished, and leaves nothing behind."""

from __future__ import annotations

import io
import threading

import pytest

from harness.cli.common import progress_line as module
from harness.cli.common.progress_line import progress_line
from harness.core.progress import NO_PROGRESS


class Watched(io.StringIO):
    """A stream that tells when the phase was drawn a third time."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0
        self.moved = threading.Event()

    def flush(self) -> None:
        self.drawn += "Judging" in self.getvalue()
        if self.drawn == 3:
            self.moved.set()


def test_the_line_is_drawn_again_although_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_INTERVAL_S", 0.001)
    stream = Watched()
    with progress_line(shown=True, stream=stream) as progress:
        progress.phase("Judging", 7)
        progress.advance()
        assert stream.moved.wait(30)
    text = stream.getvalue()
    assert "Judging  1/7  0 s" in text
    assert text.endswith("\r\x1b[K"), "the line is gone in the end"


def test_items_are_counted_as_they_are_done() -> None:
    stream = Watched()
    with progress_line(shown=True, stream=stream) as progress:
        assert list(progress.track([1, 2, 3])) == [1, 2, 3]


def test_nothing_is_drawn_where_it_is_not_wanted() -> None:
    stream = Watched()
    with progress_line(shown=False, stream=stream) as progress:
        assert progress is NO_PROGRESS
        progress.phase("Judging", 7)
        assert list(progress.track("ab")) == ["a", "b"]
    assert stream.getvalue() == ""
