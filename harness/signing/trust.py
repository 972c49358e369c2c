"""The trust file: which keys speak for which submitter and which auditor, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import SchemaError, UnreadableError, shorten
from harness.core.schemas import read_document
from harness.core.timestamps import from_iso
from harness.signing.keys import key_id, read_public_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key of somebody. not_before, not_after: what it may have signed, by the date it states; None: no bound

    revoked: why nothing it signed counts any more; None where it does
    """

    owner: str
    id: str
    public: Ed25519PublicKey
    not_before: str | None
    not_after: str | None
    revoked: str | None

    def fault(self, date: str) -> tuple[str, str] | None:
        """What speaks against what it signed with this date: (got, expected); None where nothing does."""
        if self.revoked is not None:
            return f"revoked: {shorten(self.revoked)}", "a key that holds"
        try:
            t_ns = from_iso(date)
        except UnreadableError as error:
            return f"{error.message}: {error.got}", "a date"
        if self.not_before is not None and t_ns < from_iso(self.not_before):
            return f"dated {date}", f"not before {self.not_before}"
        if self.not_after is not None and t_ns > from_iso(self.not_after):
            return f"dated {date}", f"not after {self.not_after}"
        return None


@dataclass(frozen=True, slots=True)
class Signers:
    """Keys that may sign something. whose: in words; owners: whom each key of the trust file speaks for, by its id"""

    keys: Mapping[str, TrustedKey]
    whose: str
    owners: Mapping[str, str]

    def find(self, id_: str) -> TrustedKey | None:
        """The key of this id, where it may sign."""
        return self.keys.get(id_)

    def other(self, id_: str) -> str:
        """A key that may not sign, in words."""
        return (
            f"key {shorten(id_[:16])}, {self.owners.get(id_, 'which the trust file does not name')}"
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """Keys by owner."""

    submitters: Mapping[str, tuple[TrustedKey, ...]]
    auditors: Mapping[str, tuple[TrustedKey, ...]]

    def submitter(self, name: str) -> Signers:
        """Who may sign for one submitter."""
        return self._signers(
            self.submitters.get(name, ()), f"a key that the trust file gives to {shorten(name)}"
        )

    def auditor(self) -> Signers:
        """Who may countersign."""
        return self._signers(
            (key for keys in self.auditors.values() for key in keys), "a key of an auditor"
        )

    def _signers(self, keys: Iterable[TrustedKey], whose: str) -> Signers:
        roles = (("submitter", self.submitters), ("auditor", self.auditors))
        owners = {
            key.id: f"of {role} {name}"
            for role, of in roles
            for name, theirs in of.items()
            for key in theirs
        }
        return Signers({key.id: key for key in keys}, whose, owners)


def read_trust(path: Path) -> Trust:
    """The trust file. Raises UnreadableError, SchemaError."""
    document = read_document("trust", path)
    return Trust(
        *(
            {
                name: _keys(name, items, f"{path}#/{role}/{name}")
                for name, items in document.get(role, {}).items()
            }
            for role in ("submitters", "auditors")
        )
    )


def _keys(owner: str, items: Iterable[Mapping[str, Any]], where: str) -> tuple[TrustedKey, ...]:
    keys = tuple(_key(owner, item, f"{where}/{number}") for number, item in enumerate(items))
    if len({key.id for key in keys}) < len(keys):
        raise SchemaError(
            "the same key stands there twice", where=where, fix="State each key once."
        )
    return keys


def _key(owner: str, item: Mapping[str, Any], where: str) -> TrustedKey:
    bounds = {name: item.get(name) for name in ("not_before", "not_after")}
    for name, date in bounds.items():
        if date is not None:
            from_iso(date, where=f"{where}/{name}")
    try:
        public = read_public_line(item["public_key"])
    except ValueError as error:
        raise SchemaError(
            "is no Ed25519 public key",
            where=f"{where}/public_key",
            got=shorten(error),
            expected="the line between BEGIN and END of the file that joulemark keygen wrote",
        ) from None
    return TrustedKey(owner, key_id(public), public, **bounds, revoked=item.get("revoked"))
