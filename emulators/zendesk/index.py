"""The search index of users: copies that lag behind their writes by the search lag.

A copy has two states: `fresh`, the last write, and `settled`, the write before. The search answers with `settled` until
`fresh` is older than the lag. Until then, a new user is not found.
"""

from collections.abc import Iterable

from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk

NAME = "search of users"


def note(desk: Desk, user: JsonRecord, addresses: Iterable[str]) -> None:
    """Record a write in the search index, with the addresses by which it is looked up. A deleted user leaves the index
    with the same delay."""
    before = desk.state.get(NAME, str(user["id"]))
    settled: JsonRecord | None = None
    old: list[str] = []
    if before is not None:
        caught_up = before["fresh_at"] + desk.state.search_lag() <= desk.now
        settled, old = (before["fresh"], before["keys"]) if caught_up else (before["settled"], before["old_keys"])
    terms = list(addresses)
    fresh = user if user["active"] else None
    copy = {"fresh": fresh, "fresh_at": desk.now, "keys": terms, "settled": settled, "old_keys": old}
    desk.state.put(NAME, str(user["id"]), copy, dict.fromkeys([*old, *terms], ""))


def known(desk: Desk, address: str | None = None) -> list[JsonRecord]:
    """Return the users as the search has them now, limited to those who have or had an address if it is not None."""
    copies = desk.state.all(NAME) if address is None else desk.state.lookup(NAME, address, "")
    horizon = desk.now - desk.state.search_lag()
    indexed = (copy["fresh"] if copy["fresh_at"] <= horizon else copy["settled"] for copy in copies)
    return [user for user in indexed if user is not None]
