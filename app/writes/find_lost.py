"""Find the record of a write whose reply was lost: by its marker, or by its content where the vendor has no place for
one."""

from msgspec import Struct

from app.vendors.models import VendorRefused
from app.writes.models import Begun
from app.writes.prepare import MarkerLookup
from app.writes.resolved_write import ResolvedWrite
from mappings.http import VendorReply


class LostRecord(Struct, frozen=True, kw_only=True):
    """What a look-up found: the remote id, or None. `contested`: another undecided write claims the record."""

    remote_id: str | None = None
    contested: bool = False


async def find_lost(resolved: ResolvedWrite, begun: Begun, lookup: MarkerLookup) -> LostRecord:
    """Look on all pages. Raises the vendor's problems, and VendorRefused for a look-up that it refuses."""
    endpoints, request = resolved.mapping.endpoints, lookup.request
    while request is not None:
        try:
            reply = await resolved.send(request)
        except VendorRefused as refused:
            if refused.refusal.kind == "not_found":
                return LostRecord()
            raise
        found = await _on_page(resolved, begun, lookup, reply)
        if found.remote_id is not None or found.contested:
            return found
        with resolved.as_drift():
            request = endpoints.marker_page(request, reply)
    return LostRecord()


async def _on_page(resolved: ResolvedWrite, begun: Begun, lookup: MarkerLookup, reply: VendorReply) -> LostRecord:
    endpoints, operation = resolved.mapping.endpoints, begun.operation
    if endpoints.alike is None:
        assert endpoints.marked is not None  # noqa: S101 - declared together with find_marker
        with resolved.as_drift():
            return LostRecord(remote_id=endpoints.marked(reply, operation.id))
    with resolved.as_drift():
        alike = endpoints.alike(reply, operation.id, lookup.body)
    operations, place = resolved.deps.operations, (resolved.connection.name, resolved.intent.object)
    for remote_id in alike:
        # Two writes with the same text are two comments: each takes its own.
        if not await operations.lock_upsert(*place, remote_id, None, begun.held()):
            return LostRecord(contested=True)
        if not await operations.is_taken(*place, remote_id, operation.id):
            return LostRecord(remote_id=remote_id)
    return LostRecord()
