"""The search index of users and tickets: copies that lag behind their writes by the search lag.

A copy has two states: `fresh`, the last write, and `settled`, the write before. The search answers with `settled` until
`fresh` is older than the lag. Until then, a new record is not found.
"""

from collections.abc import Iterable

from emulators.state import JsonRecord
from emulators.zendesk.desk import Desk


def note(desk: Desk, object: str, record: JsonRecord, *, is_listed: bool, keys: Iterable[tuple[str, str]]) -> None:
    """Record a write in the search index. A deleted record (not `is_listed`) leaves it with the same delay.

    `keys` (name, value) narrow down the candidates of a query with one of them. Those of both states count.
    """
    terms = [f"{name}:{value}" for name, value in keys]
    before = desk.state.get(_name(object), str(record["id"]))
    settled: JsonRecord | None = None
    kept: list[str] = []
    if before is not None:
        caught_up = before["fresh_at"] + desk.state.search_lag() <= desk.now
        settled, kept = (before["fresh"], before["keys"]) if caught_up else (before["settled"], before["old_keys"])
    copy = {
        "fresh": record if is_listed else None,
        "fresh_at": desk.now,
        "keys": terms,
        "settled": settled,
        "old_keys": kept,
    }
    desk.state.put(_name(object), str(record["id"]), copy, dict.fromkeys([*kept, *terms], ""))


def known(desk: Desk, object: str, narrow: tuple[str, str] | None = None) -> list[JsonRecord]:
    """Return the records as the search has them now, limited to those with the key `narrow` (name, value) if there is
    one."""
    name = _name(object)
    copies = desk.state.all(name) if narrow is None else desk.state.lookup(name, f"{narrow[0]}:{narrow[1]}", "")
    horizon = desk.now - desk.state.search_lag()
    indexed = (copy["fresh"] if copy["fresh_at"] <= horizon else copy["settled"] for copy in copies)
    return [record for record in indexed if record is not None]


def _name(object: str) -> str:
    return f"search of {object}"
