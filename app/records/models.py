"""Links between canonical ids and vendor ids."""

from msgspec import Struct

from canonical.parts import ObjectName


class KnownLink(Struct, frozen=True, kw_only=True):
    """The record of a canonical id at one connection."""

    object: ObjectName
    connection: str
    remote_id: str
