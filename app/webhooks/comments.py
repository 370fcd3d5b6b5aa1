"""The new comments of a ticket: those that no one has looked at, and the Events of them.

The state of a ticket notes the newest comment that was looked at, and those that webhooks announced since. So a comment
has one Event, whether a webhook reports it, a pull finds it, or both.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from app.events.models import NewEvent, RecordChange, SeenState
from app.events.record_changes import events_of, read_state, with_notes
from app.records.compare import CLOCK_SKEW, added_comment
from app.records.fetch import fetch_page
from app.records.map_record import Reading
from app.records.models import ReportedChange, WriteUnderWay
from app.records.resolve import choose_mapping
from app.records.resources import name_records
from app.vendors.models import Connection
from app.webhooks.deps import IngestDeps
from mappings.endpoints import ListQuery

MOST_PAGES: Final = 50
MOST_ANNOUNCED: Final = 100


async def new_comments(
    deps: IngestDeps, connection: Connection, ticket: str, last_state: SeenState | None, deadline: float
) -> tuple[list[Reading], str | None]:
    """Return the comments of a ticket that were not looked at before, oldest first, and the newest one's id.

    If none was looked at, those that were added since the ticket was first seen without an Event, or since the
    connection was set up. Raises VendorDrifted, and the vendor's problems.
    """
    mapping = choose_mapping(deps, connection, "comment")
    query = ListQuery(limit=mapping.endpoints.max_limit, parent=ticket)
    listed: list[Reading] = []
    for _ in range(MOST_PAGES):
        page = await fetch_page(deps, connection, mapping, query, deadline)
        listed += page.readings
        if page.next is None:
            break
        query = replace(query, after=page.next)
    newest = max((one.mapped.remote.id for one in listed), key=_place, default=None)
    notes = read_state(b"{}" if last_state is None else last_state.data)[1]
    others = [one for one in listed if one.mapped.remote.id not in notes.announced_comments]
    looked_at = notes.newest_comment
    if looked_at is not None:
        return [one for one in others if _place(one.mapped.remote.id) > _place(looked_at)], newest
    since = await deps.setups.of(connection.name) if notes.baseline_at is None else notes.baseline_at - CLOCK_SKEW
    return [one for one in others if (at := one.mapped.data.created_at) is not None and at > since], newest


async def events_of_comments(
    deps: IngestDeps, connection: Connection, ticket: str, added: Sequence[Reading], *, origin: str
) -> tuple[NewEvent, ...]:
    """Return the Events of comments of a ticket, without those that we added, which have theirs. Raises WriteUnderWay
    while one of them may be ours: they were listed just now."""
    ours = ReportedChange(connection=connection.name, object="comment", remote_id=None, received_at=None)
    if added and (await deps.own_writes.look(ours)).is_under_way:
        raise WriteUnderWay
    others = [
        one
        for one in added
        if "comment" not in await deps.own_writes.of_comment(connection.name, one.mapped.remote.id, ticket)
    ]
    comments = await name_records(deps, connection, others, ticket=ticket)
    changes = [
        added_comment(connection, one, comment, ticket=ticket) for one, comment in zip(others, comments, strict=True)
    ]
    return tuple(event for change in changes for event in events_of(change, origin=origin))


def announced(change: RecordChange, comment: str, ticket: SeenState | None) -> RecordChange:
    """Return the change of a ticket by a comment that a webhook announces, with the state that notes it.

    A ticket without a state has no place for the note.
    """
    if ticket is None or ticket.deleted:
        return change
    notes = read_state(ticket.data)[1]
    if comment in notes.announced_comments:
        return change
    known = (*notes.announced_comments, comment)[-MOST_ANNOUNCED:]
    state = with_notes(ticket.data, replace(notes, announced_comments=known))
    return replace(change, last_state=ticket, state=state, read_at=ticket.read_at, digest=ticket.digest)


def _place(comment: str) -> tuple[int, str]:
    """Return what orders the ids of comments, which are numbers: those of later ones are higher."""
    return len(comment), comment
