"""The header that names a mapping revision for a dry run."""

from typing import Final

from msgspec import Struct

MAPPING_HEADER: Final = "X-Lockstitch-Mapping"


class NamedRevision(Struct, frozen=True, kw_only=True):
    """A revision that a caller names, such as `hubspot.customer@r2`."""

    mapping: str
    revision: int
