"""The search index of tickets: copies that lag behind their writes by the search lag.

A copy has two states: `fresh`, the last write, and `settled`, the write before. The search answers with `settled` until
`fresh` is older than the lag. Until then, a new ticket is not found.
"""

from emulators.freshdesk.desk import Desk
from emulators.state import JsonRecord

NAME = "search of tickets"


def note(desk: Desk, ticket: JsonRecord) -> None:
    """Record a write in the search index. A ticket that is deleted or spam leaves it with the same delay."""
    before = desk.state.get(NAME, str(ticket["id"]))
    settled = None
    if before is not None:
        caught_up = before["fresh_at"] + desk.state.search_lag() <= desk.now
        settled = before["fresh"] if caught_up else before["settled"]
    is_listed = not ticket.get("deleted") and not ticket.get("spam")
    copy = {"id": ticket["id"], "fresh": ticket if is_listed else None, "fresh_at": desk.now, "settled": settled}
    desk.state.put(NAME, str(ticket["id"]), copy)


def known(desk: Desk) -> list[JsonRecord]:
    """Return the tickets as the search has them now."""
    horizon = desk.now - desk.state.search_lag()
    indexed = (copy["fresh"] if copy["fresh_at"] <= horizon else copy["settled"] for copy in desk.state.all(NAME))
    return [ticket for ticket in indexed if ticket is not None]
