"""Events for those who come and ask."""

from typing import Final

from app.openapi.calls.call import READ_HEADERS, Call

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/v1/events",
        tag="Events",
        name="list_events",
        summary="The change feed, oldest first",
        description="Resumable and without gaps: nothing ever appears before an Event that was shown. Ask again with"
        " `after` as often as you like. An Event shows once every transaction that was open with it has ended, which is"
        " a moment later than subscribers may get it; start from an id that this feed has given. It shows what the key"
        " may read: the Events of an object with its read scope, operational ones with `events:read` alone.",
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
        summary="The newest Events of one object, for polling triggers",
        description="A bare array, newest first, each with a unique `id`: what a trigger remembers to know what is new."
        " The scope is that of the object in the path.",
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
        summary="One realistic Event of a type, for trigger editors",
        also=(304,),
        answer="Event",
        headers=(*READ_HEADERS, "If-None-Match"),
    ),
)
