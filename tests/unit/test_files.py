"""Reading and comparing the bytes of files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.documents.files import first_unequal


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_the_first_unequal_byte_is_the_first_that_differs(same: bytes, a: bytes, b: bytes) -> None:
    found = first_unequal(same + a, same + b)
    assert (same + a)[:found] == (same + b)[:found]
    assert (same + a)[found : found + 1] != (same + b)[found : found + 1] or same + a == same + b
