"""Operations of links: show, join, split, review."""

from app.errors import InvalidField, NotFound
from app.http.by_id import ID
from app.http.paging import Page, page_of
from app.identifiers import what_else
from app.links.deps import LinkDeps
from app.links.models import Attached, LinkedRecord, LinkedRecords, LinkReview, LinkSource, ReviewState, SplitLinks
from canonical.parts import ID_PREFIX, ObjectName


def object_of(canonical_id: str) -> ObjectName:
    """Return the object that an id names. Raises NotFound for another id."""
    for name, prefix in ID_PREFIX.items():
        if canonical_id.startswith(prefix) and ID.fullmatch(canonical_id):
            return name
    otherwise = f"{canonical_id[:80]} is not a canonical id: cus_…, ord_… or tkt_…."
    raise NotFound(what_else(canonical_id, "customer, order or ticket") or otherwise)


async def show_links(deps: LinkDeps, canonical_id: str) -> LinkedRecords:
    """Return the records of an id or alias. Raises NotFound."""
    object_name = object_of(canonical_id)
    record = await deps.links.show(canonical_id)
    if record is None:
        raise NotFound(f"No {object_name} has the id {canonical_id}.")
    return record


async def join_links(deps: LinkDeps, canonical_id: str, other_id: str, *, actor: str) -> Attached:
    """Join two ids. Raises NotFound for an unknown one, InvalidField for ids of two objects, and StateConflict."""
    object_name = object_of(canonical_id)
    if object_of(other_id) != object_name:
        raise InvalidField(f"{canonical_id} and {other_id} name different objects.")
    first = (await show_links(deps, other_id)).links[0]
    by = LinkSource(kind="person", actor=actor)
    return await deps.links.attach(object_name, first.connection, first.remote_id, canonical_id, by=by)


async def split_links(deps: LinkDeps, canonical_id: str, connection: str, *, actor: str) -> SplitLinks:
    """Take the record of a connection out of an id. Raises NotFound and StateConflict."""
    record = _at(await show_links(deps, canonical_id), connection)
    by = LinkSource(kind="person", actor=actor)
    return await deps.links.split(object_of(canonical_id), connection, record.remote_id, by=by)


async def list_reviews(deps: LinkDeps, *, after: str | None, limit: int) -> Page:
    """List open proposals, newest first. The cursor is the last id of the page."""
    return page_of(await deps.matches.list_open(after=after, limit=limit + 1), limit)


async def decide_review(deps: LinkDeps, review_id: str, state: ReviewState, *, actor: str) -> LinkReview:
    """Accept or refuse a proposal. Raises NotFound and StateConflict."""
    return await deps.matches.decide(review_id, state, actor=actor)


def _at(known: LinkedRecords, connection: str) -> LinkedRecord:
    for one in known.links:
        if one.connection == connection and one.merged_into is None:
            return one
    there = ", ".join(one.connection for one in known.links)
    raise NotFound(f"{known.id} has no record at {connection[:80]}; it has: {there}.")
