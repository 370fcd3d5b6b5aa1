"""What a read returns, and how long it may take."""

from typing import Any, Final

from msgspec import Struct

READ_LIMIT: Final = 25.0
"""Seconds that a read may take, with retries and waiting for the vendor's budget, unless the caller says."""


class ReadRecord(Struct, frozen=True, kw_only=True):
    """A resource and its entity tag."""

    resource: Any
    etag: str
