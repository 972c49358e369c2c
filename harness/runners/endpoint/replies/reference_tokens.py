"""Count the output tokens of stored replies with a reference tokenizer.

Servers count their own tokens; a tokenizer that anyone can run shows whether they do it as others
would. Needs ``tokenizers``: ``pip install 'joulemark[tokenizers]'``.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.core.errors import UnreadableError, UsageError
from harness.core.files import read_bytes, sha256

MAX_TOKENIZER_BYTES = 64 * 2**20


class ReferenceTokenizer:
    """A tokenizer from a ``tokenizer.json``.

    Args:
        path: The file.

    Attributes:
        sha256: Hash of the file.

    Raises:
        UsageError: The package is not installed.
        UnreadableError: The file is no tokenizer.
    """

    def __init__(self, path: Path) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise UsageError(
                "a reference tokenizer needs a package that is not installed",
                got="no tokenizers",
                fix="pip install 'joulemark[tokenizers]'",
            ) from None
        content = read_bytes(path, limit=MAX_TOKENIZER_BYTES)
        self.sha256 = sha256(content)
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:  # noqa: BLE001 - the package raises plain exceptions
            raise UnreadableError(
                f"is no tokenizer ({type(error).__name__})",
                where=str(path),
                expected="tokenizer.json of a model",
            ) from None

    def count(self, texts: Iterable[str]) -> int:
        """Return the tokens of all texts, without special ones."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return sum(len(encoding.ids) for encoding in encodings)
