"""The audit trail for operators: look things up, and prove that nothing was changed."""

from app.audit.models import Anchor, AuditFilter, AuditTrail, Verification
from app.errors import InvalidField
from app.http.paging import Page, page_of


async def list_audit(trail: AuditTrail, which: AuditFilter, *, before: int | None, limit: int) -> Page:
    """Newest first; the cursor is the last id of the page."""
    found = await trail.list(which, before=before, limit=limit + 1)
    return page_of(found, limit)


async def verify_audit(trail: AuditTrail, *, start: int, at_most: int, anchor: Anchor | None) -> Verification:
    """Walk along the chain. Raises InvalidField for a beginning behind its end, or an anchor that is not walked over.

    An anchor just before `start` is what the walk begins with; an earlier one would be compared with nothing.
    """
    head = await trail.head()
    if start > head.position + 1 and (anchor is None or anchor.position <= head.position):
        raise InvalidField.of("from", f"is behind the end of the chain, which is at {head.position}")
    if anchor is not None and anchor.position < start - 1:
        raise InvalidField.of("anchor", "lies more than one position before `from`, where nothing is compared with it")
    return await trail.verify(start=start, at_most=at_most, anchor=anchor)
