"""Subscriptions: who is told what, and where."""

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
        summary="Subscribe a URL to Events",
        description="A REST hook: no challenge is sent. Deliveries are signed as Standard Webhooks 1.0 has it, with the"
        " `secret` that is shown this once. A target has to be a public https address, unless an operator lists it in"
        " `egress.allow`. The key needs the read scope of every object that the Events show, and `events:read` for"
        " those that show none; its owner's scopes are judged again at each delivery.",
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
        summary="One subscription, and how it stands with it",
        scopes=READ,
        answer="EventSubscription",
        headers=READ_HEADERS,
    ),
    Call(
        method="delete",
        path="/v1/subscriptions/{id}",
        tag=TAG,
        name="delete_subscription",
        summary="Remove a subscription",
        description="What is on its way is dropped. 204 also where there is none.",
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
        summary="Another secret",
        description="For 24 hours deliveries are signed with both, so that the target can change over in its own time.",
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
        summary="Send a sample Event now",
        description="Signed and guarded like every delivery, once, with an id of its own; the answer tells what came of"
        " it. It works while the subscription is disabled.",
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
        summary="Deliver again",
        description="What has waited since it was disabled is delivered at once. An active one stays as it is. Where"
        " its owner lacks a scope of its Events, the key that is sent needs it, and becomes the owner.",
        scopes=WRITE,
        answer="EventSubscription",
        headers=READ_HEADERS,
        problems=_BODY_PROBLEMS,
    ),
)
