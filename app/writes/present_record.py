"""The record that a write changes, as it is before."""

from functools import cached_property
from typing import Any

import msgspec

from app.records.map_record import Reading, as_vendor_drift, map_record
from app.records.resolve import AnyMapping
from app.vendors.models import Connection
from app.writes.deps import WriteDeps
from mappings.spec import Mapped


class PresentRecord:
    """The vendor's bytes of a record, and the account facts for mapping it. Decoded and mapped once, on demand."""

    def __init__(
        self, deps: WriteDeps, connection: Connection, mapping: AnyMapping, raw: msgspec.Raw, account: Any
    ) -> None:
        self.raw = raw
        self.account = account
        self._deps = deps
        self._connection = connection
        self._mapping = mapping
        self._reading: Reading | None = None

    @cached_property
    def decoded(self) -> Any:
        """The record as its wire Struct. Raises VendorDrifted."""
        with as_vendor_drift(self._deps, self._connection, self._mapping, self.raw):
            return self._mapping.decode(self.raw)

    async def read(self) -> Reading:
        """Return the mapped record. Raises VendorDrifted."""
        if self._reading is None:
            self._reading = await map_record(self._deps, self._connection, self._mapping, self.raw, self.account)
        return self._reading

    async def mapped(self) -> Mapped[Any]:
        """Return the mapped record alone. Raises VendorDrifted."""
        return (await self.read()).mapped
