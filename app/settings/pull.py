"""Pull: how often the objects of a connection are read for changes, `[pull]` and `[connections.<name>.pull]`."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

PulledObject = Literal["customer", "order", "ticket", "comment", "stock_level"]
"""What a walk can read: an object, or stock levels, which are no records."""
STOCK_LEVEL: Final = "stock_level"
OFF: Final = "off"
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}[smhd]$")]
Every = Annotated[str, Meta(pattern=r"^([1-9][0-9]{0,4}[smhd]|off)$")]


class PullRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When changes are read, such as `every = "5m"`, or `"off"`; how far before the last run the next one begins
    (`overlap`), and how many records a page has. A member that is None is decided by the next wider table."""

    every: Every | None = None
    overlap: Duration | None = None
    page: Annotated[int, Meta(ge=1, le=1000)] | None = None


class PullSettings(PullRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[connections.<name>.pull]`: the rule of a connection, and those of its objects."""

    customers: PullRule = PullRule()
    orders: PullRule = PullRule()
    tickets: PullRule = PullRule()
    stock_levels: PullRule = PullRule()

    def rules_of(self, object_name: PulledObject) -> tuple[PullRule, ...]:
        """Return the rules of an object, the narrowest first."""
        own = {"customer": self.customers, "order": self.orders, "ticket": self.tickets, STOCK_LEVEL: self.stock_levels}
        return (own[object_name], self)


def seconds_of(duration: str) -> float:
    """Return the seconds of a duration such as `90s`, `5m`, `1h` or `1d`."""
    return int(duration[:-1]) * _UNITS[duration[-1]]


class StockSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Below or at `threshold` available pieces an item is low, unless the vendor has a threshold of its own for it.
    None: only the vendor's count. `freshness_seconds` is how old the levels may be, None for any age."""

    threshold: Annotated[int, Meta(ge=0, le=1_000_000_000)] | None = None
    freshness_seconds: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None
