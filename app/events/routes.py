"""HTTP operations of the change feed, polling feeds, samples and subscriptions."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from litestar import Response
from msgspec import Raw, Struct

from app.errors import InvalidField, NotFound
from app.events import subscriptions
from app.events.deps import EventDeps, ReplayDeps
from app.events.feed import EVENT_ID, newest_of, read_events
from app.events.models import EventDocument
from app.events.replay import Replay, ReplayOrder, replay
from app.events.samples import sample_event
from app.events.subscriptions import SubscriptionRequest, SubscriptionTest, SubscriptionView, SubscriptionWithSecret
from app.events.types import (
    BY_NAME_ONLY,
    EVENT_PATTERNS,
    EVENT_TYPES,
    OBJECTS,
    SHOWING_OBJECTS,
    STOCK_LOW,
    scopes_of,
    scopes_of_types,
    types_of,
)
from app.http.admission import AnyRequest
from app.http.headers import IF_NONE_MATCH
from app.http.operation import Call, JsonBody, Listing, operation
from app.http.paging import Page, whole_list
from app.http.parameters import LIMIT, PathText, choice, choices, cursor, instant, matching, text
from app.http.plurals import PLURAL
from app.http.responses import Answered, json_response, link_next, resource_response

SAMPLED_AT: Final = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
FEEDS: Final = {PLURAL[name]: f"{name}.*" for name in OBJECTS} | {"stock_levels": STOCK_LOW}
"""The Events of each feed, if the caller names no types."""
EVENTS: Final = "Events"
SUBSCRIPTIONS: Final = "Subscriptions"
READ: Final = ("subscriptions:read",)
WRITE: Final = ("subscriptions:write",)
ID: Final = PathText("id", "The subscription's id.", "sub_0198f0a2b7c47d3c9a51f2e80b6c4d17")
SHOWN_ID: Final = "evt_000000000000000f4240000000000012d687"
AFTER: Final = matching(
    "after",
    "Only Events after the one with this id, which may be deleted by now.",
    SHOWN_ID,
    EVENT_ID.pattern,
    lambda match: match[0],
    otherwise="is not the id of an event, which is evt_ and 36 hexadecimal digits",
)
TYPES: Final = choices(
    "type",
    "Only these types: one, `customer.*`, or several, separated by commas or as repeated parameters. Name transitions"
    " such as `order.paid`: no wildcard matches them. The types are:"
    f" {', '.join(EVENT_TYPES)}.",
    EVENT_PATTERNS,
    example="customer.*,order.created",
)
FEED_TYPES: Final = choices(
    "type",
    "Only these types of the object, such as `customer.created`; several as in `/v1/events`.",
    EVENT_PATTERNS,
    example=EVENT_PATTERNS[1],
)
AS: Final = choice("as", "`list` answers with an array.", ("list",))
CONNECTION: Final = text("connection", "Only Events of this connection.", "hubspot")
SINCE: Final = instant("since", "Only Events at or after this time")
ORIGIN: Final = choice(
    "origin", "Only Events of backfills, which are left out otherwise.", ("backfill",), example="backfill"
)
CURSOR: Final = cursor("sub_.*")
REQUEST: Final = JsonBody(
    into=SubscriptionRequest,
    example={"target_url": "https://hooks.example.com/lockstitch/7f3c", "events": ["customer.*"]},
)

REPLAY: Final = JsonBody(into=ReplayOrder, example={"from_event": SHOWN_ID, "dry_run": True})


@operation(
    "GET",
    "/v1/events",
    tag=EVENTS,
    scopes=("events:read",),
    query=(TYPES, CONNECTION, ORIGIN, AFTER, SINCE, LIMIT),
    answer=Listing(
        item=EventDocument,
        meaning="A page of the change feed, oldest first.",
        cursor="Send it as `after`: at once if `has_more` is true, otherwise at your next poll. It is the id of the"
        " last Event; an empty page repeats the id that you sent. Null before the first Event.",
        cursor_example=SHOWN_ID,
    ),
    sends=("Link",),
)
async def list_events(call: Call) -> Answered:
    """List events, oldest first.

    A change feed without gaps: an Event never appears before one that you have seen. Poll with `after` as often as you
    like. An Event appears once every transaction that was open at the same time has ended. Subscribers may receive it
    a moment earlier, so start from an id that this feed returned. The feed shows what the key may read: Events of an
    object need its read scope, operational Events need only `events:read`. Without `type` it shows all types except
    transitions such as `order.paid`.
    """
    page = await read_events(
        call.deps(EventDeps),
        patterns=call.query(TYPES),
        after=call.query(AFTER),
        limit=call.query(LIMIT),
        caller=call.caller,
        connection=call.query(CONNECTION),
        since=call.query(SINCE),
        of_backfills=call.query(ORIGIN) is not None,
    )
    if page.has_more:
        link_next(call.request, page.next_cursor, "after")
    return json_response(page)


def _feed_scope(request: AnyRequest) -> tuple[str, ...]:
    objects: str = request.path_params["objects"]
    if objects not in FEEDS:
        raise NotFound(f"Unknown feed {objects[:80]!r}. The feeds are {', '.join(FEEDS)}.")
    return scopes_of_types(types_of((FEEDS[objects],)), ())


@operation(
    "GET",
    "/v1/feeds/{objects}",
    tag=EVENTS,
    scopes=("customers:read", "orders:read", "tickets:read"),
    scopes_of=_feed_scope,
    parameters=(PathText("objects", "customers, orders, tickets or stock_levels.", "customers"),),
    query=(FEED_TYPES, CONNECTION, SINCE, LIMIT),
    answer=list[EventDocument],
)
async def read_feed(call: Call) -> Sequence[Raw]:
    """List the newest events of an object, for polling triggers.

    A plain array, newest first. Each Event has a unique `id`, which a trigger remembers to recognise new ones. The
    required scope is that of the object in the path; `stock_levels` needs `orders:read`.
    """
    everything, patterns = FEEDS[call.path("objects")], call.query(FEED_TYPES)
    name = everything.partition(".")[0]
    offered = tuple(kind for kind in EVENT_PATTERNS if kind.startswith(f"{name}."))
    if wrong := tuple(pattern for pattern in patterns if pattern not in offered):
        detail = f"not a type of {name}: {', '.join(wrong)}; known: {', '.join(offered)}"
        raise InvalidField.of(FEED_TYPES.name, detail)
    return await newest_of(
        call.deps(EventDeps),
        patterns=patterns or (everything,),
        limit=call.query(LIMIT),
        connection=call.query(CONNECTION),
        since=call.query(SINCE),
    )


class EventType(Struct, frozen=True, kw_only=True):
    """A type of Event."""

    value: str
    """The type, as subscriptions name it. Example: `"customer.updated"`"""
    scopes: tuple[str, ...]
    """The scopes that a key needs for its Events; empty if `of_object`. Example: `["customers:read"]`"""
    of_object: bool
    """Whether each Event needs the scopes of what it is about, such as an operation's object. Example: `false`"""
    by_name_only: bool
    """Whether no wildcard matches it, so that a subscription must name it. Example: `false`"""


@operation(
    "GET",
    "/v1/options/events",
    tag=EVENTS,
    answer=Listing(item=EventType, meaning="All types of Events.", name="EventTypeList"),
)
async def list_event_types(call: Call) -> Page:
    """List the types of Events, for drop-downs, with the scopes that they need."""
    return whole_list(
        [
            EventType(
                value=name,
                scopes=() if name in SHOWING_OBJECTS else scopes_of(name),
                of_object=name in SHOWING_OBJECTS,
                by_name_only=name in BY_NAME_ONLY,
            )
            for name in EVENT_TYPES
        ]
    )


@operation(
    "GET",
    "/v1/samples/{event_type}",
    tag=EVENTS,
    parameters=(PathText("event_type", "A type of Event.", "customer.updated"),),
    query=(AS,),
    headers=(IF_NONE_MATCH,),
    answer=EventDocument | list[EventDocument],
    also={304: None},
    sends=("ETag",),
)
async def read_sample(call: Call) -> Answered:
    """Get a realistic sample event of a type, for trigger editors.

    Some platforms take samples as a list only: `as=list` wraps it in an array.
    """
    kind = call.path("event_type")
    if kind not in EVENT_TYPES:
        raise NotFound(f"Unknown event type {kind[:80]!r}. The types are {', '.join(EVENT_TYPES)}.")
    sample = sample_event(kind, timestamp=SAMPLED_AT)
    if call.query(AS) is not None:
        sample = b"[%b]" % sample
    return resource_response(call.request, Raw(sample), f'"{hashlib.sha256(sample).hexdigest()[:32]}"')


@operation(
    "GET",
    "/v1/subscriptions",
    tag=SUBSCRIPTIONS,
    scopes=READ,
    query=(LIMIT, CURSOR),
    answer=Listing(item=SubscriptionView, meaning="A page of subscriptions.", name="SubscriptionList"),
)
async def list_subscriptions(call: Call) -> Page:
    """List subscriptions, newest first."""
    return await subscriptions.list_subscriptions(
        call.deps(EventDeps), after=call.query(CURSOR), limit=call.query(LIMIT)
    )


@operation(
    "POST",
    "/v1/subscriptions",
    tag=SUBSCRIPTIONS,
    scopes=WRITE,
    body=REQUEST,
    status=201,
    answer=SubscriptionWithSecret,
    also={200: SubscriptionView},
    sends=("Location",),
)
async def create_subscription(call: Call) -> Answered:
    """Subscribe a URL to events.

    A REST hook without a challenge. Deliveries are signed with the `secret` (Standard Webhooks 1.0), which is shown
    only once. If you have an equal one (same target, events, connection, fields and changed), the answer is 200 with
    that one, without its secret: `rotate-secret` gives a new one. The target must be a public https address, unless an
    operator lists it in `egress.allow`. The key needs
    the read scope of every object that the Events show, and `events:read` for Events without an object. The scopes of
    the key's owner are checked again at each delivery.
    """
    made = await subscriptions.subscribe(call.deps(EventDeps), call.body(REQUEST), call.caller)
    status = 201 if isinstance(made, SubscriptionWithSecret) else 200
    return json_response(made, status=status, headers={"location": f"/v1/subscriptions/{made.id}"})


@operation("GET", "/v1/subscriptions/{id}", tag=SUBSCRIPTIONS, scopes=READ, parameters=(ID,))
async def read_subscription(call: Call) -> SubscriptionView:
    """Read a subscription and its state."""
    return await subscriptions.get_subscription(call.deps(EventDeps), call.path("id"))


@operation(
    "DELETE",
    "/v1/subscriptions/{id}",
    tag=SUBSCRIPTIONS,
    scopes=WRITE,
    parameters=(ID,),
    status=204,
    never=("not-found",),
)
async def delete_subscription(call: Call) -> Answered:
    """Delete a subscription.

    Pending deliveries are dropped. Deleting an absent subscription is a 204 too.
    """
    await subscriptions.unsubscribe(call.deps(EventDeps), call.path("id"), principal=call.caller.principal)
    return Response(b"", status_code=204)


@operation("POST", "/v1/subscriptions/{id}/rotate-secret", tag=SUBSCRIPTIONS, scopes=WRITE, parameters=(ID,))
async def rotate_secret(call: Call) -> SubscriptionWithSecret:
    """Rotate the secret of a subscription.

    For 24 hours, deliveries are signed with both secrets, so that you can update the target. The key needs the read
    scopes of the subscription's events.
    """
    return await subscriptions.rotate_secret(call.deps(EventDeps), call.path("id"), call.caller)


@operation("POST", "/v1/subscriptions/{id}/test", tag=SUBSCRIPTIONS, scopes=WRITE, parameters=(ID,))
async def test_subscription(call: Call) -> SubscriptionTest:
    """Send a sample event now.

    Sent once, signed and guarded like every delivery, with an id of its own. The answer reports the result. Works
    while the subscription is disabled. The key needs the read scopes of the subscription's events.
    """
    return await subscriptions.deliver_test(
        call.deps(EventDeps), call.path("id"), call.caller, correlation_id=call.correlation_id
    )


@operation("POST", "/v1/subscriptions/{id}/enable", tag=SUBSCRIPTIONS, scopes=WRITE, parameters=(ID,))
async def enable_subscription(call: Call) -> SubscriptionView:
    """Enable a subscription.

    Pending deliveries are sent at once, also those of an active subscription that wait for their next attempt. The key
    needs the read scopes of the subscription's events. If the owner of a disabled one lacks such a scope, the owner of
    your key becomes the owner.
    """
    return await subscriptions.enable(call.deps(EventDeps), call.path("id"), call.caller)


@operation(
    "POST", "/ops/subscriptions/{id}/replay", tag="Operators", scopes=("ops:write",), parameters=(ID,), body=REPLAY
)
async def replay_subscription(call: Call) -> Replay:
    """Deliver Events to a subscription again.

    From one Event on, up to now, those that the subscription wants and that do not wait for it already. At most 5,000
    at once: `next_event` is where to continue. They keep their ids, so that a target can recognise them. The scopes of
    the subscription's owner are checked at each delivery. Audited.
    """
    deps, actor = call.deps(ReplayDeps), call.caller.principal
    return await replay(deps, call.path("id"), call.body(REPLAY), actor=actor)
