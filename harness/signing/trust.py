"""The trust file: which keys speak for which submitter or auditor, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.documents import read_document
from harness.core.errors import SchemaError, UnreadableError, shorten
from harness.core.suggestions import suggestion
from harness.core.timestamps import NS, from_iso, to_iso
from harness.signing.keys import key_id, read_public_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


MAX_CLOCK_SKEW_NS = 300 * NS
"""How far ahead the clock of a signer may be."""
KEY_FIELDS = ("public_key", "not_before", "not_after", "revoked", "note")
TRUST_FIELDS = ("schema_version", "submitters", "auditors", "note")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key and its owner.

    Attributes:
        owner: Name of the submitter or auditor.
        id: What signatures name the key by.
        public: The public key.
        not_before: Earliest date of what it signs (ISO 8601); None for no bound.
        not_after: Latest date of what it signs (ISO 8601); None for no bound.
        revoked: Why nothing it signed counts any more; None where it does.
    """

    owner: str
    id: str
    public: Ed25519PublicKey
    not_before: str | None
    not_after: str | None
    revoked: str | None

    def fault(self, date: str, now_ns: int) -> tuple[str, str] | None:
        """Say why a document of a date does not count.

        Args:
            date: The date that the document states.
            now_ns: The present time [ns UTC]; nothing was signed later.

        Returns:
            What was got and what was expected; None where the key is valid.
        """
        if self.revoked is not None:
            return f"revoked: {shorten(self.revoked)}", "a key that is not revoked"
        try:
            t_ns = from_iso(date)
        except UnreadableError as error:
            return f"{error.message}: {error.got}", "a date"
        if t_ns > now_ns + MAX_CLOCK_SKEW_NS:
            return f"dated {date}, which is in the future", f"not after {to_iso(now_ns)}"
        if self.not_before is not None and t_ns < from_iso(self.not_before):
            return f"dated {date}", f"not before {self.not_before}"
        if self.not_after is not None and t_ns > from_iso(self.not_after):
            return f"dated {date}", f"not after {self.not_after}"
        return None


@dataclass(frozen=True, slots=True)
class Signers:
    """Keys that may sign one document.

    Attributes:
        keys: The keys, by id.
        whose: Who they belong to, for messages.
        owners: Whom each key of the whole trust file speaks for, by id.
    """

    keys: Mapping[str, TrustedKey]
    whose: str
    owners: Mapping[str, str]

    def find(self, id_: str) -> TrustedKey | None:
        """Return the key of an id, if it may sign."""
        return self.keys.get(id_)

    def describe_stranger(self, id_: str) -> str:
        """Describe a key that may not sign."""
        owner = self.owners.get(id_, "which the trust file does not name")
        return f"key {shorten(id_[:16])}, {owner}"


@dataclass(frozen=True, slots=True)
class Trust:
    """The keys of a trust file.

    Attributes:
        submitters: Keys by submitter.
        auditors: Keys by auditor.
    """

    submitters: Mapping[str, tuple[TrustedKey, ...]]
    auditors: Mapping[str, tuple[TrustedKey, ...]]

    def submitter(self, name: str) -> Signers:
        """Return who may sign for a submitter."""
        whose = f"a key that the trust file assigns to {shorten(name)}"
        return self._signers(self.submitters.get(name, ()), whose)

    def auditor(self) -> Signers:
        """Return who may countersign."""
        keys = [key for keys in self.auditors.values() for key in keys]
        return self._signers(keys, "a key of an auditor")

    def _signers(self, keys: Iterable[TrustedKey], whose: str) -> Signers:
        owners: dict[str, str] = {}
        for role, keys_by_name in (("submitter", self.submitters), ("auditor", self.auditors)):
            for name, their_keys in keys_by_name.items():
                owners |= {key.id: f"of {role} {name}" for key in their_keys}
        return Signers({key.id: key for key in keys}, whose, owners)


def read_trust(path: Path) -> Trust:
    """Read a trust file.

    It is read strictly: a misspelled field (`Revoked`, `not_afer`) would otherwise leave a key
    trusted that its author meant to restrict. A key that is revoked once is revoked in all places.

    Raises:
        UnreadableError: The file cannot be read.
        SchemaError: It is not a valid trust file.
    """
    document = read_document("trust", path)
    _refuse_unknown(document, TRUST_FIELDS, f"{path}#")
    roles = []
    for role in ("submitters", "auditors"):
        owners = document.get(role, {})
        roles.append(
            {owner: _keys(owner, owners[owner], f"{path}#/{role}/{owner}") for owner in owners}
        )
    revoked = {
        key.id: key.revoked
        for owners in roles
        for keys in owners.values()
        for key in keys
        if key.revoked is not None
    }
    submitters, auditors = ({o: _revoke(k, revoked) for o, k in owners.items()} for owners in roles)
    return Trust(submitters, auditors)


def _refuse_unknown(document: Mapping[str, Any], known_fields: Iterable[str], where: str) -> None:
    names = list(known_fields)
    for name in document:
        if name not in names:
            raise SchemaError(
                "is not a field of a trust file",
                where=f"{where}/{shorten(name)}",
                expected="one of " + ", ".join(names),
                fix=suggestion(name, names),
            )


def _revoke(keys: tuple[TrustedKey, ...], revoked: Mapping[str, str]) -> tuple[TrustedKey, ...]:
    """Mark the keys that are revoked in another place."""
    return tuple(replace(key, revoked=revoked.get(key.id)) for key in keys)


def _keys(owner: str, items: Iterable[Mapping[str, Any]], where: str) -> tuple[TrustedKey, ...]:
    keys = tuple(_key(owner, item, f"{where}/{number}") for number, item in enumerate(items))
    if len({key.id for key in keys}) < len(keys):
        raise SchemaError("states the same key twice", where=where, fix="State each key once.")
    return keys


def _key(owner: str, item: Mapping[str, Any], where: str) -> TrustedKey:
    _refuse_unknown(item, KEY_FIELDS, where)
    bounds = {name: item.get(name) for name in ("not_before", "not_after")}
    for name, date in bounds.items():
        if date is not None:
            from_iso(date, where=f"{where}/{name}")
    try:
        public = read_public_line(item["public_key"])
    except ValueError as error:
        raise SchemaError(
            "is not an Ed25519 public key",
            where=f"{where}/public_key",
            got=shorten(error),
            expected="the line between BEGIN and END of the file that joulemark keygen wrote",
        ) from None
    return TrustedKey(owner, key_id(public), public, **bounds, revoked=item.get("revoked"))
