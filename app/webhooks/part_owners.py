"""The records to which parts belong that webhooks name, such as the order of a line item."""

import time
from typing import Final

from app.errors import NotFound
from app.records.deps import RecordDeps
from app.records.fetch import send_read
from app.records.map_record import as_vendor_drift
from app.vendors.models import Connection
from mappings.registry import AnyMapping
from mappings.webhooks import Part

SECONDS: Final = 60.0
REMEMBERED: Final = 10_000


class PartOwners:
    """The records of parts, remembered for a minute: a vendor sends several webhooks for each change of a part."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Part], tuple[str, float]] = {}

    async def find(
        self, deps: RecordDeps, connection: Connection, mapping: AnyMapping, part: Part, deadline: float
    ) -> str | None:
        """Return the remote id of the record; None for a part without one, or if the vendor cannot say. Raises the
        vendor's problems."""
        of_part, whole = mapping.endpoints.of_part, mapping.endpoints.whole
        if of_part is None or whole is None:
            return None
        known = self._known.get((connection.name, part))
        if known is not None and known[1] > time.monotonic():
            return known[0]
        try:
            reply = await send_read(deps, connection, of_part(part.remote_id, part.is_gone), deadline)
        except NotFound:
            return None
        with as_vendor_drift(deps, connection, mapping):
            remote_id = whole(reply)
        if remote_id is not None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[connection.name, part] = (remote_id, time.monotonic() + SECONDS)
        return remote_id
