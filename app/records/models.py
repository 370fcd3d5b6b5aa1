"""Links between canonical ids and vendor ids."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from canonical.parts import ObjectName


class KnownLink(Struct, frozen=True, kw_only=True):
    """What a canonical id stands for at one connection."""

    object: ObjectName
    connection: str
    remote_id: str


class Links(Protocol):
    """Canonical id ↔ vendor id."""

    async def ensure(self, object_name: ObjectName, connection: str, remote_ids: Sequence[str]) -> Mapping[str, str]:
        """The canonical id of each remote id, made where there is none yet."""

    async def find(self, canonical_id: str) -> Sequence[KnownLink]:
        """Where a canonical id is known; empty for one that never was."""
