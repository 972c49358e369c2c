"""The meters of tests/fakes/plugins, installed as a third party's package."""

from __future__ import annotations

from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[1] / "fakes" / "plugins"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the bad meters where entry points are looked for, here and in child processes."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    return PLUGINS
