"""Stock levels: `[connections.<name>.stock]`, which says that a connection's stock is read."""

from typing import Annotated

from msgspec import Meta, Struct


class StockSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Below or at `threshold` available pieces an item is low, unless the vendor has a threshold of its own for it.
    None: only the vendor's count. `freshness_seconds` is how old the levels may be, None for any age."""

    threshold: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    freshness_seconds: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None
