"""Links between canonical ids and vendor ids."""

from msgspec import Struct

from canonical.parts import ObjectName


class KnownLink(Struct, frozen=True, kw_only=True):
    """What a canonical id stands for at one connection."""

    object: ObjectName
    connection: str
    remote_id: str
