"""Audit trail operations: list events, and verify the chain."""

from app.audit.models import Anchor, AuditFilter, Verification
from app.audit.trail import PostgresAuditTrail
from app.errors import InvalidField
from app.http.paging import Page, page_of


async def list_audit(trail: PostgresAuditTrail, which: AuditFilter, *, after: int | None, limit: int) -> Page:
    """List events, newest first. The cursor is the last id of the page."""
    events = await trail.list(which, before=after, limit=limit + 1)
    return page_of(events, limit)


async def verify_audit(trail: PostgresAuditTrail, *, start: int, at_most: int, anchor: Anchor | None) -> Verification:
    """Verify the chain from `start`. Raises InvalidField for a start after its end, or an anchor before `start` - 1.

    An anchor at `start` - 1 is compared with the first link. An earlier one could not be compared with anything.
    """
    head = await trail.head()
    if start > head.position + 1 and (anchor is None or anchor.position <= head.position):
        raise InvalidField.of("from", f"is after the end of the chain, which is at {head.position}")
    if anchor is not None and anchor.position < start - 1:
        raise InvalidField.of("anchor", "is more than one position before `from`, so it cannot be compared")
    return await trail.verify(start=start, at_most=at_most, anchor=anchor)
