"""Reading and comparing the bytes of files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import files
from harness.core.errors import UnreadableError
from harness.core.files import first_unequal


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_the_first_unequal_byte_is_the_first_that_differs(same: bytes, a: bytes, b: bytes) -> None:
    found = first_unequal(same + a, same + b)
    assert (same + a)[:found] == (same + b)[:found]
    assert (same + a)[found : found + 1] != (same + b)[found : found + 1] or same + a == same + b


def test_no_link_is_followed_where_the_system_cannot_refuse_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for flag in (files._NO_FOLLOW, 0):
        monkeypatch.setattr(files, "_NO_FOLLOW", flag)
        assert files.read_bytes(tmp_path / "file") == b"secret"
        with pytest.raises(UnreadableError, match="is a symbolic link"):
            files.read_bytes(tmp_path / "link")


def test_without_memory_to_spare_files_are_read_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_left(size: int) -> bytes:
        raise MemoryError(size)

    files.reuse_memory.cache_clear()
    monkeypatch.setattr(files, "bytes", none_left, raising=False)
    files.reuse_memory()
