"""Webhooks of vendors, as the OpenAPI document tells of them."""

from typing import Final

from app.openapi.calls.call import Call

CALLS: Final[tuple[Call, ...]] = (
    Call(
        method="post",
        path="/v1/webhooks/{connection}",
        tag="Webhooks",
        name="receive_webhook",
        summary="A vendor tells of something",
        description=(
            "For vendors: the signature over the raw body takes the place of an API key, and its faults are not told"
            " apart. 202 once everything is recorded; a duplicate is a success that does nothing. 200 is the answer to"
            " a handshake. Any media type is taken, and `X-Correlation-ID` is ignored. Intercom's HEAD is answered too."
        ),
        open=True,
        status=202,
        also=(200,),
        answer="WebhookReceived",
        problems=(
            "invalid-signature",
            "not-found",
            "malformed-body",
            "body-too-large",
            "rate-limited",
            "internal",
            "store-unavailable",
        ),
    ),
)
