"""Links between canonical ids and vendor ids, and what a read returns."""

from typing import Any, Final

from msgspec import Struct

from canonical.parts import ObjectName

READ_LIMIT: Final = 25.0
"""Seconds that a read may take, with retries and waiting for the vendor's budget, unless the caller says."""


class KnownLink(Struct, frozen=True, kw_only=True):
    """The record of a canonical id at one connection."""

    object: ObjectName
    connection: str
    remote_id: str


class ReadRecord(Struct, frozen=True, kw_only=True):
    """A resource and its entity tag."""

    resource: Any
    etag: str
