"""Power sessions with an emulated PTDaemon, each made once."""

from __future__ import annotations

import pytest
from lab_simulator.analyzer import WT333E

from harness.live.director.session import WrittenSession

from .sessions import daemon, session


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenSession:
    """A session with one analyzer of one channel."""
    folder = tmp_path_factory.mktemp("session")
    emulator = daemon(folder)
    result = session(folder / "out", emulator)
    emulator.close()
    return result


@pytest.fixture(scope="session")
def multichannel(tmp_path_factory: pytest.TempPathFactory) -> WrittenSession:
    """A session with one analyzer of three channels, whose ranges were fixed before."""
    folder = tmp_path_factory.mktemp("multichannel")
    emulator = daemon(folder, analyzer=WT333E)
    emulator.range_v, emulator.range_a = 300.0, 10.0
    result = session(folder / "out", emulator, load_s=0.3)
    ranges = (emulator.range_v, emulator.range_a)
    emulator.close()
    assert ranges == (300.0, 10.0)
    return result
