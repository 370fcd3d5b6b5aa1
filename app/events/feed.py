"""Events for readers that poll: the change feed and the newest events of an object."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Raw

from app.errors import InvalidField
from app.events.deps import FeedDeps
from app.events.types import READS, SHOWING_OBJECTS, may_read, scopes_of_types, types_of
from app.http.callers import Caller, forbidden, require_scopes
from app.http.paging import Page

EVENT_ID: Final = re.compile(r"evt_[0-9a-f]{36}")
ANY: Final = "*"


async def read_events(
    deps: FeedDeps,
    *,
    patterns: tuple[str, ...],
    after: str | None,
    limit: int,
    caller: Caller,
    connection: str | None = None,
    since: datetime | None = None,
    of_backfills: bool = False,
) -> Page:
    """Return one page of the change feed, oldest first, of the patterns (`*` if none), as far as the caller may read
    it; of one connection, and not before `since`, if given. `of_backfills`: those of backfills, and no others.

    The cursor is the id of the last Event. An empty page returns the cursor of the request, so a reader never misses an
    event. Raises Forbidden for a pattern of which the caller may read nothing, and InvalidField for an unknown
    connection.
    """
    _require_connection(deps, connection)
    for pattern in patterns:
        _require(caller, pattern)
    wanted = types_of(patterns or (ANY,))
    if caller.scopes.issuperset(READS):
        is_whole = not patterns and connection is None and not of_backfills
        types, scopes = () if is_whole else wanted, None
    else:
        types, scopes = tuple(name for name in wanted if may_read(name, caller.scopes)), caller.scopes
    events = await deps.events.feed(
        types=types,
        after=after,
        limit=limit + 1,
        scopes=scopes,
        connection=connection,
        since=since,
        of_backfills=of_backfills,
    )
    page = events[:limit]
    return Page(
        data=[event.body for event in page],
        next_cursor=page[-1].id if page else after,
        has_more=len(events) > limit,
    )


def _require(caller: Caller, pattern: str) -> None:
    types = types_of((pattern,))
    if any(may_read(name, caller.scopes) for name in types):
        return
    if set(types) <= set(SHOWING_OBJECTS):
        raise forbidden(caller, " or ".join(READS))
    require_scopes(caller, scopes_of_types(types, ()))


async def newest_of(
    deps: FeedDeps,
    *,
    patterns: tuple[str, ...],
    limit: int,
    connection: str | None = None,
    since: datetime | None = None,
) -> Sequence[Raw]:
    """Return the newest Events of the patterns, newest first; of one connection, and not before `since`, if given.
    Raises InvalidField for an unknown connection."""
    _require_connection(deps, connection)
    events = await deps.events.newest(types=types_of(patterns), limit=limit, connection=connection, since=since)
    return [event.body for event in events]


def _require_connection(deps: FeedDeps, connection: str | None) -> None:
    if connection is not None and connection not in deps.connections:
        raise InvalidField.of(
            "connection", f"no connection has this name; there are: {', '.join(sorted(deps.connections))}"
        )
