"""Events for those who come and ask: the change feed, and what polling triggers look at."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Raw

from app.events.deps import EventDeps
from app.events.types import types_of
from app.http.paging import Page
from canonical.parts import ObjectName

EVENT_ID: Final = re.compile(r"evt_[0-9a-f]{36}")
ANY: Final = "*"


async def read_events(deps: EventDeps, *, patterns: tuple[str, ...], after: str | None, limit: int) -> Page:
    """One page of the change feed, oldest first; what falls under any of the patterns, everything without one.

    The cursor is the id of the last Event, and stays where it was on an empty page: whoever asks again with it goes on
    without a gap, now or in a month.
    """
    types = () if ANY in patterns else types_of(patterns)
    found = await deps.events.feed(types=types, after=after, limit=limit + 1)
    page = found[:limit]
    return Page(
        data=[event.body for event in page],
        next_cursor=page[-1].id if page else after,
        has_more=len(found) > limit,
    )


async def newest_of(
    deps: EventDeps, object_name: ObjectName, *, patterns: tuple[str, ...], limit: int
) -> Sequence[Raw]:
    """The newest Events of one object, newest first; of these types where any are named."""
    types = types_of(patterns or (f"{object_name}.*",))
    return [event.body for event in await deps.events.newest(types=types, limit=limit)]
