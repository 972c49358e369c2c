"""Plans of the workload `llm-endpoint`: settings are checked before a server starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.endpoint import workload_points
from harness.live.plan import Settings
from harness.runners.workload import find_workload

pytest.importorskip("xllamacpp", reason="pip install 'joulemark[llm]'")


@pytest.mark.parametrize("threads", ["nan", "0", "1.5", "-1", "many", "1e9", ""])
def test_a_wrong_number_of_threads_is_refused(threads: str, tmp_path: Path) -> None:
    settings = Settings(out=tmp_path / "out", meters=["estimator"], options={"threads": threads})
    with pytest.raises(UsageError, match="is no number of threads") as raised:
        list(workload_points(find_workload("llm-endpoint"), settings))
    assert raised.value.where == "--set threads"
    assert not (tmp_path / "out").exists()
