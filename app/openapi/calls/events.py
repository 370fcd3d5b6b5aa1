"""Events for callers that poll."""

from typing import Final

from app.openapi.calls.call import READ_HEADERS, Call

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/v1/events",
        tag="Events",
        name="list_events",
        summary="List events, oldest first",
        description="A change feed without gaps: an Event never appears before one that you have seen. Poll with"
        " `after`"
        " as often as you like. An Event appears once every transaction that was open at the same time has"
        " ended. Subscribers may receive it a moment earlier, so start from an id that this feed returned. The"
        " feed shows what the key may read: Events of an object need its read scope, operational Events need"
        " only `events:read`.",
        scopes=("events:read",),
        answer="EventList",
        queries=("events.type", "events.after", "limit"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/v1/feeds/{objects}",
        tag="Events",
        name="read_feed",
        summary="List the newest events of an object, for polling triggers",
        description="A plain array, newest first. Each Event has a unique `id`, which a trigger remembers to recognise"
        " new ones. The required scope is that of the object in the path.",
        scopes=("customers:read", "orders:read", "tickets:read"),
        answer="EventFeed",
        queries=("feeds.type", "limit"),
        headers=READ_HEADERS,
    ),
    Call(
        method="get",
        path="/v1/samples/{event_type}",
        tag="Events",
        name="read_sample",
        summary="Get a realistic sample event of a type, for trigger editors",
        also=(304,),
        answer="Event",
        headers=(*READ_HEADERS, "If-None-Match"),
    ),
)
