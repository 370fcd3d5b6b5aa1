"""Cursors for callers: opaque, bound to their list, valid after a restart and in every process."""

import base64
import hashlib
import hmac
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from app.errors import InvalidField

TAG_BYTES: Final = 16
LONGEST: Final = 16_384
"""Characters of a cursor. It may hold the ids of all records that share one moment."""
# A longer one is compressed: with the rest of a request line, proxies take 8 KiB.
_PLAIN_BYTES: Final = 256
_COMPRESSED: Final = b"\0"


class SealedCursors:
    """Seals the vendor's own cursor with an HMAC over it and the list that it belongs to.

    `secrets` are the encryption keys, the first one signs and any verifies, so that cursors outlive a rotation.
    """

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._keys = tuple(hmac.digest(secret, b"lockstitch cursor", "sha256") for secret in secrets)

    def scope(
        self,
        connection: str,
        mapping: str,
        updated_since: datetime | None,
        filters: Mapping[str, str],
        parent: str | None,
    ) -> bytes:
        """Return the scope of a cursor: the same list with the same filters."""
        since = "" if updated_since is None else updated_since.isoformat()
        parts = [connection, mapping, since, parent or "", *(f"{name}={filters[name]}" for name in sorted(filters))]
        return hashlib.sha256("\0".join(parts).encode()).digest()

    def seal(self, after: str, scope: bytes) -> str:
        """Return the opaque form of a vendor's cursor."""
        plain = after.encode()
        is_short = len(plain) <= _PLAIN_BYTES and not plain.startswith(_COMPRESSED)
        packed = plain if is_short else _COMPRESSED + zlib.compress(plain, 9)
        return base64.urlsafe_b64encode(self._tag(self._keys[0], packed, scope) + packed).decode().rstrip("=")

    def open(self, cursor: str, scope: bytes) -> str:
        """Return the vendor's cursor. Raises InvalidField for one that was changed or belongs to another list."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError as error:
            raise _refused() from error
        tag, packed = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
        if not any(hmac.compare_digest(tag, self._tag(key, packed, scope)) for key in self._keys):
            raise _refused()
        plain = zlib.decompress(packed[1:]) if packed.startswith(_COMPRESSED) else packed
        return plain.decode()

    @staticmethod
    def _tag(key: bytes, packed: bytes, scope: bytes) -> bytes:
        return hmac.digest(key, scope + packed, "sha256")[:TAG_BYTES]


def _refused() -> InvalidField:
    detail = "is not a cursor of this list; use next_cursor as it was given, with the same filters"
    return InvalidField.of("cursor", detail)
