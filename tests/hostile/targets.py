"""One target for each parser: it takes the bytes of a file, and raises on faults of the harness."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable

from harness import api
from tests.hostile.documents import DOCUMENTS
from tests.hostile.paths import DRAWS, judged, told, whole
from tests.hostile.stores import STORES
from tests.hostile.trees import FILES, folder_for_now

PARSERS = (*FILES, *DOCUMENTS, *STORES)


@functools.cache
def target(parser: str) -> tuple[bytes, Callable[[bytes], None]]:
    """The valid file that damage begins with, and what to do with a damaged one."""
    if parser in DOCUMENTS:
        return DOCUMENTS[parser]
    if parser in STORES:
        make_valid, read_store = STORES[parser]
        return make_valid(), read_store
    make, name = FILES[parser]
    root = folder_for_now()
    make(root)
    valid = (root / name).read_bytes()

    def read(content: bytes) -> None:
        (root / name).write_bytes(
            content
        )  # all other forms of output are made for one content in four
        if zlib.crc32(content) % 4:
            with told():
                tree, _ = judged(root)
                api.score(tree, draws=DRAWS)
        else:
            whole(root)

    return valid, read
