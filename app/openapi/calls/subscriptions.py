"""Subscriptions: which events go to which URL."""

from typing import Final

from app.openapi.calls.call import OWN_PROBLEMS, READ_HEADERS, Call

TAG: Final = "Subscriptions"
READ: Final = ("subscriptions:read",)
WRITE: Final = ("subscriptions:write",)
_BODY_PROBLEMS: Final = (*OWN_PROBLEMS, "malformed-body", "body-too-large")
_CREATE_PROBLEMS: Final = tuple(code for code in (*_BODY_PROBLEMS, "unsupported-media-type") if code != "not-found")

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="get",
        path="/v1/subscriptions",
        tag=TAG,
        name="list_subscriptions",
        summary="List subscriptions, newest first",
        scopes=READ,
        answer="SubscriptionList",
        queries=("limit", "cursor"),
        headers=READ_HEADERS,
    ),
    Call(
        method="post",
        path="/v1/subscriptions",
        tag=TAG,
        name="create_subscription",
        summary="Subscribe a URL to events",
        description="A REST hook without a challenge. Deliveries are signed with the `secret` (Standard Webhooks 1.0),"
        " which is shown only once. The target must be a public https address, unless an operator lists it in"
        " `egress.allow`. The key needs the read scope of every object that the Events show, and `events:read`"
        " for Events without an object. The scopes of the key's owner are checked again at each delivery.",
        scopes=WRITE,
        status=201,
        answer="SubscriptionWithSecret",
        body="SubscriptionRequest",
        headers=READ_HEADERS,
        problems=_CREATE_PROBLEMS,
    ),
    Call(
        method="get",
        path="/v1/subscriptions/{id}",
        tag=TAG,
        name="read_subscription",
        summary="Read a subscription and its state",
        scopes=READ,
        answer="EventSubscription",
        headers=READ_HEADERS,
    ),
    Call(
        method="delete",
        path="/v1/subscriptions/{id}",
        tag=TAG,
        name="delete_subscription",
        summary="Delete a subscription",
        description="Pending deliveries are dropped. Deleting an absent subscription is a 204 too.",
        scopes=WRITE,
        status=204,
        headers=READ_HEADERS,
        problems=tuple(code for code in _BODY_PROBLEMS if code != "not-found"),
    ),
    Call(
        method="post",
        path="/v1/subscriptions/{id}/rotate-secret",
        tag=TAG,
        name="rotate_secret",
        summary="Rotate the secret of a subscription",
        description="For 24 hours, deliveries are signed with both secrets, so that you can update the target.",
        scopes=WRITE,
        answer="SubscriptionWithSecret",
        headers=READ_HEADERS,
        problems=_BODY_PROBLEMS,
    ),
    Call(
        method="post",
        path="/v1/subscriptions/{id}/test",
        tag=TAG,
        name="test_subscription",
        summary="Send a sample event now",
        description="Sent once, signed and guarded like every delivery, with an id of its own. The answer reports the"
        " result. Works while the subscription is disabled.",
        scopes=WRITE,
        answer="SubscriptionTest",
        headers=READ_HEADERS,
        problems=_BODY_PROBLEMS,
    ),
    Call(
        method="post",
        path="/v1/subscriptions/{id}/enable",
        tag=TAG,
        name="enable_subscription",
        summary="Enable a subscription",
        description="Pending deliveries are sent at once. An active subscription stays as it is. If its owner lacks a"
        " scope of its Events, your key needs that scope and becomes the owner.",
        scopes=WRITE,
        answer="EventSubscription",
        headers=READ_HEADERS,
        problems=_BODY_PROBLEMS,
    ),
)
