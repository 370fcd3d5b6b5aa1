"""Encryption at rest: AES-256-GCM (NIST SP 800-38D) with several keys.

A sealed value is one byte with the length of the key id, the key id, a nonce of 12 bytes, and the ciphertext with its
tag. Table and row are bound in as associated data, so values cannot be swapped between rows.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from app.errors import Complaint

NONCE_BYTES: Final = 12


class SealBroken(Complaint):
    """A sealed value cannot be opened: its key is not configured, or the value was changed. `why` says it."""

    def __init__(self, belongs_to: str, why: str) -> None:
        super().__init__(f"{belongs_to} is {why}.")
        self.why = why


def prefix_of(key_id: str) -> bytes:
    """Return the prefix of every value that this key has sealed."""
    name = key_id.encode()
    return bytes((len(name),)) + name


class Sealer:
    """Seals with the first key and opens with any. Keys are (id, 32 bytes). Raises ValueError without keys."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        if not keys:
            raise ValueError("at least one encryption key is required")
        self._writer = keys[0][0]
        self._prefix = prefix_of(self._writer)
        self._ciphers = {key_id: AESGCM(secret) for key_id, secret in keys}

    @property
    def writer(self) -> str:
        """The id of the sealing key."""
        return self._writer

    @property
    def keys(self) -> Sequence[str]:
        """The ids of all keys; the first one seals."""
        return tuple(self._ciphers)

    def seal(self, plain: bytes, belongs_to: str) -> bytes:
        """Encrypt. `belongs_to` names table and row, and must be the same to open the value."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._writer].encrypt(nonce, plain, belongs_to.encode())
        return self._prefix + nonce + sealed

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """Decrypt. Raises SealBroken for an unknown key or a changed value."""
        end = 1 + sealed[0]
        key_id = sealed[1:end].decode(errors="replace")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            missing = "is not among LOCKSTITCH_ENCRYPTION_KEYS. Use the keys of the processes"
            raise SealBroken(belongs_to, f"sealed with key {key_id!r}, which {missing}")
        try:
            return cipher.decrypt(sealed[end : end + NONCE_BYTES], sealed[end + NONCE_BYTES :], belongs_to.encode())
        except InvalidTag as error:
            raise SealBroken(belongs_to, f"not as sealed with key {key_id!r}") from error


class SealedColumn(Struct, frozen=True, kw_only=True):
    """One column with sealed values. Each store declares its own as `SEALED`, so that keys can be rotated.

    `key` maps the primary key's columns to their types. `belongs_to` returns the associated data of a row, computed
    from the columns in `key` and `more`.
    """

    table: str
    column: str
    key: Mapping[str, str]
    belongs_to: Callable[[Mapping[str, Any]], str]
    more: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The name that operators see: `job.payload`."""
        return f"{self.table}.{self.column}"
