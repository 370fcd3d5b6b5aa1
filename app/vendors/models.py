"""Connections, and the Structs and errors of calls to vendors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from app.credentials.token_set import ScopeState
from app.errors import InvalidField
from app.http.nearest_name import did_you_mean
from app.settings.pull import StockSettings
from canonical.parts import ObjectName
from mappings.csv.layout import Layout
from mappings.endpoints import NO_OPTIONS, Options
from mappings.http import VendorRefusal
from mappings.manifest import FieldOptions, Manifest, Vendor
from mappings.stock import StockReads


class Connection(Struct, frozen=True, kw_only=True):
    """One configured account at a vendor, or the source of an intake's webhooks, or of exports with this `layout`.
    `attaches_orders`: a new order belongs to the shop's account with the buyer's address. `options` are settings that
    only this vendor has. `stock`: its stock levels are read."""

    name: str
    vendor: Manifest
    layout: Layout | None = None
    attaches_orders: bool = False
    options: Options = NO_OPTIONS
    stock: StockSettings | None = None

    @property
    def stock_reads(self) -> StockReads | None:
        """How its stock levels are read; None if they are not."""
        return self.vendor.stock if self.stock is not None and isinstance(self.vendor, Vendor) else None


class CalledConnection(Connection, frozen=True, kw_only=True):
    """A connection at a vendor that Lockstitch calls."""

    vendor: Vendor[Any]


class Connections(Struct, frozen=True, kw_only=True):
    """All connections, the system of record of each object, and the keys of custom fields that any of them has."""

    by_name: Mapping[str, Connection]
    systems_of_record: Mapping[ObjectName, str]
    custom_keys: Mapping[ObjectName, frozenset[str]]

    def refuse_unknown(self, name: str | None) -> None:
        """Raise InvalidField if the filter of an empty list names no connection: that would look like good news."""
        if name is not None and name not in self.by_name:
            known = f"there are: {', '.join(sorted(self.by_name))}.{did_you_mean(name, self.by_name)}"
            raise InvalidField.of("connection", f"no connection has this name; {known}")


class VendorRefused(Exception):
    """The vendor refused the request, which changed nothing."""

    def __init__(self, connection: str, status: int, refusal: VendorRefusal) -> None:
        super().__init__(f"{connection} refused: {refusal.kind}")
        self.connection = connection
        self.status = status
        self.refusal = refusal


class ReplyLost(Exception):
    """A request with an effect was sent and no usable reply arrived, so its outcome is unknown.

    `why` is a short reason without personal data: `timeout`, `reset`, `status 502`.
    """

    def __init__(self, connection: str, why: str) -> None:
        super().__init__(f"{connection}: reply lost ({why})")
        self.connection = connection
        self.why = why


TrafficState = Literal["working", "throttled", "failing", "unauthorised"]


class LiveState(Struct, frozen=True, kw_only=True):
    """What this process knows of a connection. `unauthorised_seconds`: the vendor refuses the credential, and is asked
    again after so many seconds. `scopes` are those of tokens. `refused` is why a person must authorise the connection.
    """

    base_url: str  # without what may be a secret
    unauthorised_seconds: float | None
    scopes: ScopeState | None = None
    refused: str | None = None


class OptionLists(Struct, frozen=True, kw_only=True):
    """The options of every field that has some, by object, and the time when they were fetched."""

    by_object: Mapping[ObjectName, FieldOptions]
    fetched_at: datetime
